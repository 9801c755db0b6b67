"""By which paths a crisis reaches an ending."""
