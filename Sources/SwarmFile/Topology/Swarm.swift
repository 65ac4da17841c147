extension SwarmTopology {
    /// `swarm:` what the swarm is called and what its randomness starts from.
    package struct Swarm: KeyedSection, Hashable {
        package var name: String
        package var seed: UInt64
        /// Relative to the topology file; nil for none.
        package var secret: String?

        package init(name: String, seed: UInt64 = 0, secret: String? = nil) {
            self.name = name
            self.seed = seed
            self.secret = secret
        }

        package static let defaults = Swarm(name: "swarm")
        package static let keys: [SectionKey<Self>] = [
            .shared(
                "name", \.name, .name, "The swarm's name: part of every handshake and signature.",
                "Up to 64 letters, digits, `-`, `_`, `.`; no dot first."
            ).required(),
            .shared(
                "seed", \.seed, .seed, "The seed of all that is random and the same for all peers.",
                "Seed adapter, data partition and random graphs follow from it."),
            .local(
                "secret", \.secret, .optional(.text("a path")), "A file with a secret that all peers share.",
                "Without it the allow list alone keeps others out."),
        ]
    }
}
