"""Methods that let some source rows count more than others."""
