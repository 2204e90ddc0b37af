"""The collector: ingest, catalogue, queue, review, reports and exports, over HTTP."""
