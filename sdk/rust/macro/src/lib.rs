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
    let exports = function::exports(&quote!(SPORT_TOOLS), None);
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
///
/// One function there may be marked with `#[warm]`: `fn(Vec<Artifact>) -> Result<(), Failure>`. It runs once, after the
/// component was admitted, and every call begins with the memory that it left; put what it loads into a `static`. It is handed
/// the files that the operator granted, and may ask the host for nothing else.
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
    let mut found = Found::default();
    for item in items.iter_mut() {
        if let Item::Fn(function) = item {
            let identifier = function.sig.ident.clone();
            let inside = quote!(#identifier);
            found.take(&mut function.attrs, &mut function.sig, &inside, &quote!(#name::#identifier))?;
        }
    }
    let Found { entries, warm } = found;
    if entries.is_empty() {
        return Err(syn::Error::new_spanned(&name, "no function in this module is marked with `#[tool]`"));
    }
    items.push(syn::parse_quote! {
        /// The tools of this plugin, for native tests.
        pub const SPORT_TOOLS: &[::sport_sdk::testing::Tool] = &[#(#entries),*];
    });
    let exports = function::exports(&quote!(#name::SPORT_TOOLS), warm.as_ref());
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
    let mut found = Found::default();
    for item in &mut block.items {
        if let ImplItem::Fn(function) = item {
            let identifier = function.sig.ident.clone();
            let path = quote!(#name::#identifier);
            found.take(&mut function.attrs, &mut function.sig, &path, &path)?;
        }
    }
    let Found { entries, warm } = found;
    if entries.is_empty() {
        return Err(syn::Error::new_spanned(&name, "no function in this block is marked with `#[tool]`"));
    }
    block.items.push(syn::parse_quote! {
        /// The tools of this plugin, for native tests.
        pub const SPORT_TOOLS: &'static [::sport_sdk::testing::Tool] = &[#(#entries),*];
    });
    let exports = function::exports(&quote!(#name::SPORT_TOOLS), warm.as_ref());
    Ok(quote! {
        #block

        #exports
    })
}

/// The functions of a module or block that mean something to the host.
#[derive(Default)]
struct Found {
    /// Of those that are marked with `#[tool]`.
    entries: Vec<proc_macro2::TokenStream>,
    /// The path of the one that is marked with `#[warm]`.
    warm: Option<proc_macro2::TokenStream>,
}

impl Found {
    /// Looks at a function and takes the mark off. It is called by one path where its tools are listed, by the other from outside.
    fn take(
        &mut self,
        attributes: &mut Vec<Attribute>,
        signature: &mut Signature,
        inside: &proc_macro2::TokenStream,
        outside: &proc_macro2::TokenStream,
    ) -> syn::Result<()> {
        if let Some(place) = attributes.iter().position(|attribute| is(attribute, "warm")) {
            let attribute = attributes.remove(place);
            attribute.meta.require_path_only()?;
            if self.warm.replace(outside.clone()).is_some() {
                return Err(syn::Error::new_spanned(attribute, "a plugin has one `#[warm]`"));
            }
            return Ok(());
        }
        let Some(place) = attributes.iter().position(|attribute| is(attribute, "tool")) else {
            return Ok(());
        };
        let attribute = attributes.remove(place);
        let options = match &attribute.meta {
            syn::Meta::List(_) => attribute.parse_args::<Options>()?,
            _ => Options::default(),
        };
        self.entries.push(function::entry(&options, attributes, signature, inside)?);
        Ok(())
    }
}

/// `#[tool]`, `#[sport_sdk::tool]`.
fn is(attribute: &Attribute, name: &str) -> bool {
    attribute.path().segments.last().is_some_and(|segment| segment.ident == name)
}
