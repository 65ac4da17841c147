package import Wire

/// What a peer's last process left on its disk.
package struct StoredState: Sendable {
    /// The newest checkpoint that is whole; nil without any.
    package var checkpoint: PeerCheckpoint?
    /// What the protocol must not forget; nil where there is nothing, or nothing that can be read.
    package var memory: EndpointMemory?
    /// A message about each file that could not be read.
    package var problems: [String]

    package init(checkpoint: PeerCheckpoint? = nil, memory: EndpointMemory? = nil, problems: [String] = []) {
        self.checkpoint = checkpoint
        self.memory = memory
        self.problems = problems
    }
}
