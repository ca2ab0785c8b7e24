"""The benchmark measures what it says, and an import of the package stays light."""
