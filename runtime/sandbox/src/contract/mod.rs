//! The contracts of `wit/` as Rust, and the way between them and [`crate::types`].
//!
//! The base types and the host's interfaces are generated once, in [`shared`], and the three worlds point at
//! them: a `failure` is one Rust type everywhere. What comes from a guest passes through [`lift`], which
//! checks sizes, nesting and floats; what goes to a guest through [`lower`].

pub mod judging;
pub mod lift;
pub mod lower;
pub mod version;

/// Base types and host interfaces, shared by all worlds.
pub mod shared {
    wasmtime::component::bindgen!({
        path: ["../../wit/base", "../../wit/host"],
        inline: "
            package sport:shared@0.1.0;
            world host {
                import sport:base/types@0.1.0;
                import sport:host/log@0.1.0;
                import sport:host/context@0.1.0;
                import sport:host/output@0.1.0;
                import sport:host/artifacts@0.1.0;
                import sport:host/kv@0.1.0;
                import sport:host/secrets@0.1.0;
                import sport:host/fetch@0.1.0;
                import sport:host/chat@0.1.0;
                import sport:host/tools@0.1.0;
            }
        ",
        world: "sport:shared/host",
        imports: { default: trappable | tracing },
        with: {
            "sport:host/artifacts.writer": crate::host::artifacts::Writer,
            "sport:host/secrets.secret": crate::host::secrets::SecretHandle,
        },
    });
}

pub use shared::sport::base::types as base;
pub use shared::sport::host as imports;

/// The world of tools.
pub mod tool {
    wasmtime::component::bindgen!({
        path: ["../../wit/base", "../../wit/host", "../../wit/tool"],
        inline: "
            package sport:shared@0.1.0;
            world tool { export sport:tool/tool@0.1.0; }
        ",
        world: "sport:shared/tool",
        with: { "sport:base/types": crate::contract::base },
    });
}

/// What a tool may export beside its tools.
pub mod warm {
    wasmtime::component::bindgen!({
        path: ["../../wit/base", "../../wit/host", "../../wit/tool"],
        inline: "
            package sport:shared@0.1.0;
            world warm { export sport:tool/warm@0.1.0; }
        ",
        world: "sport:shared/warm",
        with: { "sport:base/types": crate::contract::base },
    });
}

/// The world of verifiers.
pub mod verifier {
    wasmtime::component::bindgen!({
        path: ["../../wit/base", "../../wit/host", "../../wit/verifier"],
        inline: "
            package sport:shared@0.1.0;
            world verifier { export sport:verifier/verifier@0.1.0; }
        ",
        world: "sport:shared/verifier",
        with: { "sport:base/types": crate::contract::base },
    });
}

/// The world of code interpreters.
pub mod interpreter {
    wasmtime::component::bindgen!({
        path: ["../../wit/base", "../../wit/host", "../../wit/interpreter"],
        inline: "
            package sport:shared@0.1.0;
            world interpreter { export sport:interpreter/interpreter@0.1.0; }
        ",
        world: "sport:shared/interpreter",
        with: { "sport:base/types": crate::contract::base },
    });
}
