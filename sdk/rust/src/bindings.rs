//! Generated from `wit/`. The imports are generated once and shared by both plugin kinds; the exports only become
//! part of a component where an attribute macro invokes the export macro.
#![allow(missing_docs, clippy::all, reason = "generated code")]

/// What a component may import.
pub mod host {
    wit_bindgen::generate!({
        inline: "
            package sport:sdk-host;
            world imports {
                import sport:host/log@0.1.0;
                import sport:host/context@0.1.0;
                import sport:host/artifacts@0.1.0;
                import sport:host/kv@0.1.0;
                import sport:host/secrets@0.1.0;
                import sport:host/fetch@0.1.0;
                import sport:host/chat@0.1.0;
                import sport:host/tools@0.1.0;
            }
        ",
        path: ["../../wit/base", "../../wit/host"],
        generate_all,
        generate_unused_types: true,
    });
}

/// What a tool component exports.
pub mod tool {
    wit_bindgen::generate!({
        inline: "
            package sport:sdk-tool;
            world tool {
                export sport:tool/tool@0.1.0;
            }
        ",
        path: ["../../wit/base", "../../wit/host", "../../wit/tool"],
        with: { "sport:base/types@0.1.0": crate::bindings::host::sport::base::types },
        generate_all,
        pub_export_macro: true,
        export_macro_name: "export_tool",
        default_bindings_module: "::sport_sdk::bindings::tool",
    });
}

/// What a tool component exports that has a warm start.
pub mod warm {
    wit_bindgen::generate!({
        inline: "
            package sport:sdk-warm;
            world warm {
                export sport:tool/warm@0.1.0;
            }
        ",
        path: ["../../wit/base", "../../wit/host", "../../wit/tool"],
        with: { "sport:base/types@0.1.0": crate::bindings::host::sport::base::types },
        generate_all,
        pub_export_macro: true,
        export_macro_name: "export_warm",
        default_bindings_module: "::sport_sdk::bindings::warm",
    });
}

/// What a verifier component exports.
pub mod verifier {
    wit_bindgen::generate!({
        inline: "
            package sport:sdk-verifier;
            world verifier {
                export sport:verifier/verifier@0.1.0;
            }
        ",
        path: ["../../wit/base", "../../wit/host", "../../wit/verifier"],
        with: { "sport:base/types@0.1.0": crate::bindings::host::sport::base::types },
        generate_all,
        pub_export_macro: true,
        export_macro_name: "export_verifier",
        default_bindings_module: "::sport_sdk::bindings::verifier",
    });
}
