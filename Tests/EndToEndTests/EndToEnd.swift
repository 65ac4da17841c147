import Testing

/// The tests with real processes, one after another: each loads both cores for itself.
@Suite(.serialized) enum EndToEnd {}
