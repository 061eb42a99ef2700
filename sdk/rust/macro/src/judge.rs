//! A plain function as a verifier.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{FnArg, ItemFn};

use crate::options::{Options, documentation};

const CLAIMS: &[&str] = &["deterministic", "uses_model", "uses_network", "runs_code"];

/// The function, its `Judge` constant and, in a component, the exports.
pub fn expand(options: &Options, function: &ItemFn) -> syn::Result<TokenStream> {
    options.check(CLAIMS)?;
    let identifier = &function.sig.ident;
    let description = documentation(&function.attrs);
    if description.is_empty() {
        let message = "a verifier needs a doc comment: it says what it judges by";
        return Err(syn::Error::new_spanned(identifier, message));
    }
    let name = match &options.name {
        Some(name) => quote!(#name),
        None => quote!(env!("CARGO_PKG_NAME")),
    };
    let claims = CLAIMS.iter().map(|claim| {
        let field = format_ident!("{claim}");
        let value = options.claims(claim);
        quote!(#field: #value)
    });
    let inputs: Vec<&FnArg> = function.sig.inputs.iter().collect();
    let (config, call) = match inputs.as_slice() {
        [_] => (quote!(::core::option::Option::None), quote!(#identifier(step))),
        [_, FnArg::Typed(config)] => {
            let ty = &config.ty;
            (
                quote!(::core::option::Option::Some(::sport_sdk::__private::schema_of::<#ty>)),
                quote!(#identifier(step, ::sport_sdk::__private::config::<#ty>(config)?)),
            )
        }
        _ => {
            let message = "a verifier takes `step: &Step` and, if it has one, `config: Config`";
            return Err(syn::Error::new_spanned(&function.sig.inputs, message));
        }
    };
    Ok(quote! {
        #function

        /// The verifier of this plugin, for native tests.
        pub const SPORT_JUDGE: &::sport_sdk::testing::Judge = &::sport_sdk::__private::Judge {
            name: #name,
            description: #description,
            traits: ::sport_sdk::__private::Traits { #(#claims),* },
            config: #config,
            judge: |step, config| {
                let _ = &config;
                ::core::result::Result::map_err(#call, ::sport_sdk::Failure::from)
            },
        };

        #[cfg(target_family = "wasm")]
        const _: () = {
            use ::sport_sdk::bindings::verifier::exports::sport::verifier::verifier as contract;

            struct Plugin;

            impl contract::Guest for Plugin {
                fn describe() -> contract::Descriptor {
                    ::sport_sdk::__private::describe_verifier(SPORT_JUDGE)
                }

                fn judge(
                    step: contract::Step,
                    config: ::std::string::String,
                ) -> ::core::result::Result<::std::vec::Vec<contract::Judgement>, contract::Failure> {
                    ::sport_sdk::__private::judge(SPORT_JUDGE, step, &config)
                }
            }

            ::sport_sdk::bindings::verifier::export_verifier!(Plugin with_types_in ::sport_sdk::bindings::verifier);

            #[used]
            #[unsafe(link_section = "sport:contract")]
            static CONTRACT: [u8; ::sport_sdk::__private::VERIFIER_CONTRACT.len()] =
                ::sport_sdk::__private::bytes_of(::sport_sdk::__private::VERIFIER_CONTRACT);
        };
    })
}
