//! What stands in an attribute's brackets: claims by name, and `key = "text"`.

use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Attribute, Expr, ExprLit, Ident, Lit, LitStr, Meta, Token};

/// The options of one attribute.
#[derive(Default)]
pub struct Options {
    /// The claims, as they were written.
    pub claims: Vec<Ident>,
    /// `name = ".."`.
    pub name: Option<LitStr>,
    /// `title = ".."`.
    pub title: Option<LitStr>,
}

impl Options {
    /// Whether a claim was made.
    pub fn claims(&self, name: &str) -> bool {
        self.claims.iter().any(|claim| claim == name)
    }

    /// Refuses claims that the attribute does not know.
    pub fn check(&self, known: &[&str]) -> syn::Result<()> {
        match self.claims.iter().find(|claim| !known.contains(&claim.to_string().as_str())) {
            Some(unknown) => Err(syn::Error::new_spanned(
                unknown,
                format!(
                    "there is no option `{unknown}`; there is {}, name = \"..\", title = \"..\"",
                    known.join(", ")
                ),
            )),
            None => Ok(()),
        }
    }
}

impl Parse for Options {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let mut options = Self::default();
        while !input.is_empty() {
            let key: Ident = input.parse()?;
            if input.peek(Token![=]) {
                input.parse::<Token![=]>()?;
                let value: LitStr = input.parse()?;
                match key.to_string().as_str() {
                    "name" => options.name = Some(value),
                    "title" => options.title = Some(value),
                    _ => return Err(syn::Error::new_spanned(key, "only `name` and `title` take a text")),
                }
            } else {
                options.claims.push(key);
            }
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        Ok(options)
    }
}

/// The doc comment: lines of a paragraph joined, paragraphs kept apart.
pub fn documentation(attributes: &[Attribute]) -> String {
    let mut text = String::new();
    for attribute in attributes {
        let Meta::NameValue(pair) = &attribute.meta else {
            continue;
        };
        let Expr::Lit(ExprLit { lit: Lit::Str(line), .. }) = &pair.value else {
            continue;
        };
        if !pair.path.is_ident("doc") {
            continue;
        }
        for line in line.value().lines() {
            append(&mut text, line.trim());
        }
        if line.value().trim().is_empty() {
            append(&mut text, "");
        }
    }
    text.trim().to_owned()
}

fn append(text: &mut String, line: &str) {
    if line.is_empty() {
        if !text.is_empty() && !text.ends_with("\n\n") {
            text.push_str("\n\n");
        }
    } else {
        if !text.is_empty() && !text.ends_with('\n') {
            text.push(' ');
        }
        text.push_str(line);
    }
}

/// The type inside `Result<T, ..>`, where a type is written so.
pub fn inside_result(of: &syn::Type) -> Option<&syn::Type> {
    first_argument(of, "Result")
}

/// Whether a type is written as an `Option`.
pub fn is_option(of: &syn::Type) -> bool {
    first_argument(of, "Option").is_some()
}

fn first_argument<'a>(of: &'a syn::Type, name: &str) -> Option<&'a syn::Type> {
    let syn::Type::Path(path) = of else {
        return None;
    };
    let last = path.path.segments.last().filter(|segment| segment.ident == name)?;
    let syn::PathArguments::AngleBracketed(arguments) = &last.arguments else {
        return None;
    };
    let arguments: &Punctuated<_, _> = &arguments.args;
    arguments.iter().find_map(|argument| match argument {
        syn::GenericArgument::Type(inner) => Some(inner),
        _ => None,
    })
}
