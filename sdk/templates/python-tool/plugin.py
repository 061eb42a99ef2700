from sport_sdk import tool


@tool(read_only=True, deterministic=True)
def hello(name: str) -> str:
    """Greets someone by name."""
    return f"hello, {name}"
