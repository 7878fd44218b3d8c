"""The training loop and what it needs: batches, loss, optimiser, validation, several processes."""
