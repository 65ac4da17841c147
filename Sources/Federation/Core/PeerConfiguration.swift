package import Adapters
package import Basics
package import Wire

/// What a peer is to do: all that `PeerCore` needs to know beside its keys.
package struct PeerConfiguration: Sendable {
    /// A neighbour in the swarm's graph.
    package struct Neighbour: Sendable, Hashable {
        /// Who it is and where.
        package var remote: RemotePeer
        /// Its number of neighbours.
        package var degree: Int
        /// Which of this peer's other neighbours are its neighbours too; nil where that is not known.
        package var common: Set<PeerID>?

        package init(remote: RemotePeer, degree: Int, common: Set<PeerID>? = nil) {
            self.remote = remote
            self.degree = degree
            self.common = common
        }
    }

    /// The adapter's tensors.
    package var schema: AdapterSchema
    /// The digest of the base model, 32 bytes: adapters of different models are not mixed.
    package var baseModelDigest: [UInt8]
    /// How many records this peer holds.
    package var sampleCount: Int
    /// Whether all peers weigh alike, whatever they hold.
    package var weighsUniformly = false
    /// The neighbours.
    package var neighbours: [Neighbour]
    /// Rounds with training.
    package var rounds: Int
    /// Optimiser steps a round.
    package var localSteps: Int
    /// How many rounds apart a neighbour's contribution may be and still be mixed.
    package var staleness = 2
    /// The relative consensus distance at which the swarm is done.
    package var consensusBound = 1e-3
    /// How far agreement has to be known: the graph's diameter when one peer is missing.
    package var agreementDepth: Int
    /// Settling rounds after which the peer gives up to agree.
    package var settlingLimit: Int
    /// How long to wait for neighbours.
    package var waits = RoundWaits.Configuration()
    /// How long neighbours that were never there are waited for after the start.
    package var startupPatience: Duration = .seconds(60)
    /// How long settling waits for a neighbour whose session broke off without a goodbye: a network partition or a restart
    /// that is over by then does not leave parts of the swarm with adapters of their own.
    package var absencePatience: Duration = .seconds(30)
    /// How long a peer that has finished waits for neighbours that are away.
    package var lingerTimeout: Duration = .seconds(30)
    /// How long a peer that has finished serves neighbours that are there and have not.
    package var lingerLimit: Duration = .seconds(3600)
    /// The largest norm of a contribution that is mixed.
    package var normLimit = 1e6

    package init(
        schema: AdapterSchema, baseModelDigest: [UInt8], sampleCount: Int, neighbours: [Neighbour], rounds: Int,
        localSteps: Int, agreementDepth: Int, settlingLimit: Int
    ) {
        self.schema = schema
        self.baseModelDigest = baseModelDigest
        self.sampleCount = sampleCount
        self.neighbours = neighbours
        self.rounds = rounds
        self.localSteps = localSteps
        self.agreementDepth = agreementDepth
        self.settlingLimit = settlingLimit
    }

    /// What is added to the startup's patience for neighbours that themselves wait for a peer that is not there.
    static let startupMargin = Duration.seconds(15)

    /// The largest relative distance between neighbours from which `consensusBound` follows for the whole swarm: over at
    /// most `D = agreementDepth` edges of ε each, no peer is further than `Dε / (1 − Dε)` from the mean, and that is the
    /// bound for `ε = bound / (D (1 + bound))`. Not below what single precision can tell apart.
    package var edgeBound: Double {
        max(3e-7, consensusBound / (Double(max(1, agreementDepth)) * (1 + consensusBound)))
    }
}

extension WireConfiguration {
    /// The protocol's settings where rounds wait for neighbours: a peer that died is noticed after twelve seconds.
    package static var attentive: WireConfiguration {
        var configuration = WireConfiguration()
        configuration.idleTimeout = .seconds(12)
        configuration.keepaliveInterval = .seconds(3)
        return configuration
    }
}
