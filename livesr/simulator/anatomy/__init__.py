"""The cells of the simulated sample: their outline, their life and every structure in them."""
