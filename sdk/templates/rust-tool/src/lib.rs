use sport_sdk::{Failure, tool};

/// Greets someone by name.
#[tool(read_only, deterministic)]
fn hello(name: String) -> Result<String, Failure> {
    Ok(format!("hello, {name}"))
}
