"""Built-in datasets: MovieLens-100K, four published one-line-a-user files, and a user's own."""
