"""The contract: nothing else crosses a process."""
