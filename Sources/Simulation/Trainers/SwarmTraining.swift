package import Adapters

/// Who takes the local steps of all peers of a simulated swarm, where that is not the quadratic toy.
package protocol SwarmTraining: Sendable {
    /// The tensors of the adapter.
    var schema: AdapterSchema { get }
    /// The digest of the base model, 32 bytes.
    var baseModelDigest: [UInt8] { get }
    /// How many records each peer holds.
    var sampleCounts: [Int] { get }

    /// A trainer for a process of a peer that begins: in the state of one that has trained nothing.
    func trainer(of peer: Int) throws -> any AdapterTrainer

    /// How long the local steps of a round take in virtual time, where nothing makes the peer slow: a model, not a
    /// measurement, so that a run does not depend on the machine it is simulated on.
    func duration(of request: TrainingRequest, peer: Int) -> Duration

    /// The losses that peers end with, nil where there is no adapter or nothing to measure it by.
    func losses(of finals: [AdapterDelta?]) async throws -> [Double?]
}
