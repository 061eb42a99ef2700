"""What a component imports."""
