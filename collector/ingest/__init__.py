"""What comes in: uploads by tus, manifests, opening, receipts, and what browsers play."""
