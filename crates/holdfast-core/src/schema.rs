//! JSON Schemas of the documents, assembled from the kinds.
