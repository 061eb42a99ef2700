//! A plain function as a tool.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::ext::IdentExt;
use syn::{Attribute, FnArg, Pat, ReturnType, Signature};

use crate::options::{Options, documentation, inside_result, is_option};

const CLAIMS: &[&str] = &["read_only", "destructive", "idempotent", "open_world", "deterministic"];

/// The `Tool` constant of a function that is called by `path`. Takes the doc comments off the parameters, where Rust itself permits
/// none.
pub fn entry(
    options: &Options,
    attributes: &[Attribute],
    signature: &mut Signature,
    path: &TokenStream,
) -> syn::Result<TokenStream> {
    options.check(CLAIMS)?;
    check_signature(signature)?;
    let identifier = signature.ident.clone();
    let name = match &options.name {
        Some(name) => name.value(),
        None => identifier.unraw().to_string(),
    };
    let title = match &options.title {
        Some(title) => quote!(::core::option::Option::Some(#title)),
        None => quote!(::core::option::Option::None),
    };
    let description = documentation(attributes);
    if description.is_empty() {
        let message = "a tool needs a doc comment: it is what a model reads";
        return Err(syn::Error::new_spanned(&signature.ident, message));
    }
    let claims = CLAIMS.iter().map(|claim| {
        let field = format_ident!("{claim}");
        let value = options.claims(claim);
        quote!(#field: #value)
    });

    let mut parameters = Vec::new();
    let mut takes = Vec::new();
    let mut variables = Vec::new();
    for (index, input) in signature.inputs.iter_mut().enumerate() {
        let FnArg::Typed(parameter) = input else {
            return Err(syn::Error::new_spanned(input, "a tool has no `self`"));
        };
        let Pat::Ident(pattern) = &*parameter.pat else {
            return Err(syn::Error::new_spanned(&parameter.pat, "a tool's parameter is a plain name"));
        };
        let parameter_name = pattern.ident.unraw().to_string();
        let documented = documentation(&parameter.attrs);
        parameter.attrs.retain(|attribute| !attribute.path().is_ident("doc"));
        let required = !is_option(&parameter.ty);
        let ty = &parameter.ty;
        let variable = format_ident!("argument_{index}");
        parameters.push(quote! {
            ::sport_sdk::__private::Parameter {
                name: #parameter_name,
                description: #documented,
                required: #required,
                schema: ::sport_sdk::__private::schema_of::<#ty>,
            }
        });
        takes.push(quote!(let #variable: #ty = arguments.take(#index)?;));
        variables.push(variable);
    }
    let mutable = (!takes.is_empty()).then(|| quote!(let mut arguments = arguments;));

    let call = quote!(#path(#(#variables),*));
    let (output, value) = match &signature.output {
        ReturnType::Default => (quote!(()), call),
        ReturnType::Type(_, ty) => match inside_result(ty) {
            Some(inner) => (quote!(#inner), quote!(#call.map_err(::sport_sdk::Failure::from)?)),
            None => (quote!(#ty), call),
        },
    };
    Ok(quote! {
        ::sport_sdk::__private::Tool {
            name: #name,
            title: #title,
            description: #description,
            hints: ::sport_sdk::__private::Hints { #(#claims),* },
            parameters: &[#(#parameters),*],
            output: ::sport_sdk::__private::output_schema::<#output>,
            call: |arguments| {
                #mutable
                #(#takes)*
                ::sport_sdk::__private::reply::<#output>(#value)
            },
        }
    })
}

/// Makes the crate a tool component, with a warm start if `warm` is a path to its function. Natively there is nothing to export.
pub fn exports(tools: &TokenStream, warm: Option<&TokenStream>) -> TokenStream {
    let warm = warm.map(|warm| {
        quote! {
            impl ::sport_sdk::bindings::warm::exports::sport::tool::warm::Guest for Plugin {
                fn warm(
                    artifacts: ::std::vec::Vec<::sport_sdk::bindings::host::sport::base::types::ArtifactRef>,
                ) -> ::core::result::Result<(), contract::Failure> {
                    ::sport_sdk::__private::warm(#warm, artifacts)
                }
            }

            ::sport_sdk::bindings::warm::export_warm!(Plugin with_types_in ::sport_sdk::bindings::warm);
        }
    });
    quote! {
        #[cfg(target_family = "wasm")]
        const _: () = {
            use ::sport_sdk::bindings::tool::exports::sport::tool::tool as contract;

            struct Plugin;

            impl contract::Guest for Plugin {
                fn describe() -> ::std::vec::Vec<contract::Descriptor> {
                    ::sport_sdk::__private::describe_tools(#tools)
                }

                fn call(
                    name: ::std::string::String,
                    arguments: ::std::string::String,
                ) -> ::core::result::Result<contract::Outcome, contract::Failure> {
                    ::sport_sdk::__private::call_tool(#tools, &name, &arguments)
                }
            }

            ::sport_sdk::bindings::tool::export_tool!(Plugin with_types_in ::sport_sdk::bindings::tool);

            #warm

            #[used]
            #[unsafe(link_section = "sport:contract")]
            static CONTRACT: [u8; ::sport_sdk::__private::TOOL_CONTRACT.len()] =
                ::sport_sdk::__private::bytes_of(::sport_sdk::__private::TOOL_CONTRACT);
        };
    }
}

fn check_signature(signature: &Signature) -> syn::Result<()> {
    if let Some(keyword) = &signature.asyncness {
        return Err(syn::Error::new_spanned(
            keyword,
            "a tool is not async: the host runs calls side by side",
        ));
    }
    if !signature.generics.params.is_empty() {
        return Err(syn::Error::new_spanned(
            &signature.generics,
            "a tool has no type parameters or lifetimes",
        ));
    }
    Ok(())
}
