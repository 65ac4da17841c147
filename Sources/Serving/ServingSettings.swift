/// Where an endpoint listens, and what it lets its visitors cost.
package struct ServingSettings: Sendable {
    /// Where it listens and whom it lets in.
    package var door = Door(port: 8080, tokenVariable: "MURMUR_SERVE_TOKEN")
    /// How many texts each model writes side by side.
    package var rows = 16
    /// How many requests may wait for each model.
    package var waiting = 64
    /// The most tokens of a prompt and its answer together; nil for what the model was made for, or 2048.
    package var context: Int?
    /// The tokens of an answer where a request does not say.
    package var usualTokens = 512
    /// How long an answer may take, waiting included.
    package var seconds = 300
    /// The most bytes of a request's body.
    package var bodyBytes = 1 << 20

    package init() {}
}
