/// Where an endpoint listens, and what it lets its visitors cost.
package struct ServingSettings: Sendable {
    /// The address to listen on.
    package var host = "127.0.0.1"
    /// The port; zero for any that is free.
    package var port = 8080
    /// What visitors must show as `Authorization: Bearer …`; nil for nothing.
    package var token: String?
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
    /// The most connections at a time.
    package var connections = 256

    package init() {}

    /// Whether only programs of this machine reach the address.
    package var isLoopback: Bool { Self.isLoopback(host) }

    /// Whether `host` is a name or address of this machine's loopback.
    static func isLoopback(_ host: String) -> Bool {
        let host = host.lowercased()
        if host == "localhost" || host == "::1" { return true }
        let parts = host.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts[0] == "127" && parts.allSatisfy { UInt8($0) != nil }
    }

    /// Why the settings cannot be used, in a sentence; nil where they can.
    package var fault: String? {
        if token?.isEmpty == true { return "the token in MURMUR_SERVE_TOKEN is empty" }
        if !isLoopback && token == nil {
            return "\(host) can be reached from other machines: put a token into the environment variable "
                + "MURMUR_SERVE_TOKEN, which visitors then have to show"
        }
        return nil
    }
}
