//! The attribute macros of `sport-sdk`. They are documented where that crate re-exports them, and explained in its
//! README.
//!
//! # Layout
//!
//! * `options`: what stands in the attribute's brackets;
//! * `function`: a plain function as a tool;
//! * `judge`: a plain function as a verifier.

use proc_macro::TokenStream;
use quote::quote;
use syn::{Attribute, ImplItem, Item, ItemFn, ItemImpl, ItemMod, Signature, parse_macro_input};

mod function;
mod judge;
mod options;

use options::Options;

/// Makes a plugin of one function.
///
/// The doc comment is the description, the parameters are the arguments: `Option` ones may be left out, doc comments on
/// them are told to the model, and their types need `Deserialize` and `JsonSchema`. The function returns a value that is
/// `Serialize` and `JsonSchema` (a `String` is shown as text, an `Artifact` is a file), or a `Result` of one with an
/// error that becomes a `Failure`.
///
/// In the brackets, the author's claims: `read_only`, `destructive`, `idempotent`, `open_world`, `deterministic`; and
/// `name = ".."`, `title = ".."` where they differ from the function's name.
#[proc_macro_attribute]
pub fn tool(options: TokenStream, item: TokenStream) -> TokenStream {
    let options = parse_macro_input!(options as Options);
    let mut function = parse_macro_input!(item as ItemFn);
    let path = function.sig.ident.clone();
    let entry = match function::entry(&options, &function.attrs, &mut function.sig, &quote!(#path)) {
        Ok(entry) => entry,
        Err(error) => return error.into_compile_error().into(),
    };
    let exports = function::exports(&quote!(SPORT_TOOLS));
    quote! {
        #function

        /// The tools of this plugin, for native tests.
        pub const SPORT_TOOLS: &[::sport_sdk::testing::Tool] = &[#entry];

        #exports
    }
    .into()
}

/// Makes a plugin of all functions in a module, or in an `impl` block, that are marked with `#[tool]`.
///
/// The constant that native tests use is `module::SPORT_TOOLS` or `Type::SPORT_TOOLS`.
#[proc_macro_attribute]
pub fn tools(options: TokenStream, item: TokenStream) -> TokenStream {
    let nothing = proc_macro2::TokenStream::from(options);
    if !nothing.is_empty() {
        return syn::Error::new_spanned(
            nothing,
            "`#[tools]` takes no options; they belong to each `#[tool]`",
        )
        .into_compile_error()
        .into();
    }
    let expanded = match parse_macro_input!(item as Item) {
        Item::Mod(mut module) => expand_module(&mut module),
        Item::Impl(mut block) => expand_impl(&mut block),
        other => Err(syn::Error::new_spanned(
            other,
            "`#[tools]` stands above a module or an `impl` block with the tools in it",
        )),
    };
    match expanded {
        Ok(tokens) => tokens.into(),
        Err(error) => error.into_compile_error().into(),
    }
}

/// Makes a plugin of a function that judges a step: `fn judge(step: &Step, config: Config) -> Result<Vec<Judgement>,
/// Failure>`, where the config may be left out.
///
/// The doc comment is the description and the config's type its schema. In the brackets, the author's claims:
/// `deterministic`, `uses_model`, `uses_network`, `runs_code`; and `name = ".."` where it differs from the crate's name.
#[proc_macro_attribute]
pub fn verifier(options: TokenStream, item: TokenStream) -> TokenStream {
    let options = parse_macro_input!(options as Options);
    let function = parse_macro_input!(item as ItemFn);
    match judge::expand(&options, &function) {
        Ok(tokens) => tokens.into(),
        Err(error) => error.into_compile_error().into(),
    }
}

fn expand_module(module: &mut ItemMod) -> syn::Result<proc_macro2::TokenStream> {
    let name = module.ident.clone();
    let Some((_, items)) = &mut module.content else {
        return Err(syn::Error::new_spanned(
            &module.ident,
            "`#[tools]` needs the module's body here: `mod tools { .. }`",
        ));
    };
    let mut entries = Vec::new();
    for item in items.iter_mut() {
        if let Item::Fn(function) = item {
            let identifier = function.sig.ident.clone();
            entries.extend(marked(&mut function.attrs, &mut function.sig, &quote!(#identifier))?);
        }
    }
    if entries.is_empty() {
        return Err(syn::Error::new_spanned(&name, "no function in this module is marked with `#[tool]`"));
    }
    items.push(syn::parse_quote! {
        /// The tools of this plugin, for native tests.
        pub const SPORT_TOOLS: &[::sport_sdk::testing::Tool] = &[#(#entries),*];
    });
    let exports = function::exports(&quote!(#name::SPORT_TOOLS));
    Ok(quote! {
        #module

        #exports
    })
}

fn expand_impl(block: &mut ItemImpl) -> syn::Result<proc_macro2::TokenStream> {
    if block.trait_.is_some() || !block.generics.params.is_empty() {
        let message = "`#[tools]` needs a plain `impl Name { .. }`, without a trait or parameters";
        return Err(syn::Error::new_spanned(&block.self_ty, message));
    }
    let name = block.self_ty.clone();
    let mut entries = Vec::new();
    for item in &mut block.items {
        if let ImplItem::Fn(function) = item {
            let identifier = function.sig.ident.clone();
            entries.extend(marked(&mut function.attrs, &mut function.sig, &quote!(#name::#identifier))?);
        }
    }
    if entries.is_empty() {
        return Err(syn::Error::new_spanned(&name, "no function in this block is marked with `#[tool]`"));
    }
    block.items.push(syn::parse_quote! {
        /// The tools of this plugin, for native tests.
        pub const SPORT_TOOLS: &'static [::sport_sdk::testing::Tool] = &[#(#entries),*];
    });
    let exports = function::exports(&quote!(#name::SPORT_TOOLS));
    Ok(quote! {
        #block

        #exports
    })
}

/// The entry of a function that is marked with `#[tool]`; takes the mark off.
fn marked(
    attributes: &mut Vec<Attribute>,
    signature: &mut Signature,
    path: &proc_macro2::TokenStream,
) -> syn::Result<Option<proc_macro2::TokenStream>> {
    let Some(place) = attributes.iter().position(is_tool) else {
        return Ok(None);
    };
    let attribute = attributes.remove(place);
    let options = match &attribute.meta {
        syn::Meta::List(_) => attribute.parse_args::<Options>()?,
        _ => Options::default(),
    };
    function::entry(&options, attributes, signature, path).map(Some)
}

/// `#[tool]`, `#[sport_sdk::tool]`.
fn is_tool(attribute: &Attribute) -> bool {
    attribute.path().segments.last().is_some_and(|segment| segment.ident == "tool")
}
