"""What is kept on disk: records, artefacts, manifests, and folders of them."""
