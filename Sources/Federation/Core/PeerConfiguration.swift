package import Adapters
package import Aggregation
package import Basics
package import Overlay
package import SwarmFile
package import Wire

/// What a peer is to do: all that `PeerCore` needs to know beside its keys.
package struct PeerConfiguration: Sendable {
    /// Where a neighbour is, by the name of its host.
    package struct HostName: Sendable, Hashable {
        package let peer: PeerID
        package let place: PeerAddress

        package init(peer: PeerID, place: PeerAddress) {
            self.peer = peer
            self.place = place
        }
    }

    /// The adapter's tensors.
    package var schema: AdapterSchema
    /// Where the factors are in it; nil where it is no LoRA adapter.
    package var layout: FactorLayout?
    /// The digest of the base model, 32 bytes: adapters of different models are not mixed.
    package var baseModelDigest: [UInt8]
    /// Who takes part at the beginning, as this peer sees it.
    package var roster: Roster
    /// The keys and addresses of the roster's members, and of nobody else.
    package var remotes: [RemotePeer]
    /// Neighbours whose addresses are given as names of hosts. Whoever owns the peer looks them up and says where they lead
    /// (`PeerCore.relocate`).
    package var hostNames: [HostName] = []
    /// How adapters are exchanged.
    package var exchange = ExchangePolicy()
    /// Rounds with training.
    package var rounds: Int
    /// Optimiser steps a round.
    package var localSteps: Int
    /// What draws the steps of a round back to where they began (`TrainingRequest.proximal`).
    package var proximal = 0.0
    /// Who trains in a round.
    package var participation = Participation.full
    /// In which rounds it is measured who gains from whom; nil for none.
    package var gain: GainSettings?
    /// Settling rounds after which the peer gives up to agree.
    package var settlingLimit: Int
    /// What all peers must agree in and tell each other; nil where nobody checks, as in simulations, whose peers are all
    /// made of one file.
    package var settings: SettingsFingerprint?
    /// What this peer's state must agree in beside them: its own data.
    package var ownSettings: [SettingsFingerprint.Entry] = []
    /// How long to wait for neighbours.
    package var waits = RoundWaits.Configuration()
    /// How long rounds wait for a neighbour that is away or slow before they go on without it; nil: rounds with training do
    /// not wait for who is away.
    package var patience: Duration?
    /// How long neighbours that were never there are waited for after the start.
    package var startupPatience: Duration = .seconds(60)
    /// How long settling waits for a neighbour whose session broke off without a goodbye: a network partition or a restart
    /// that is over by then does not leave parts of the swarm with adapters of their own.
    package var absencePatience: Duration = .seconds(30)
    /// How long a peer that has finished waits for neighbours that are away.
    package var lingerTimeout: Duration = .seconds(30)
    /// How long a peer that has finished serves neighbours that are there, have not finished, and have not got all of its
    /// final adapter.
    package var lingerLimit: Duration = .seconds(300)
    /// The least and the most time for which a neighbour that is there is waited for that says nothing at all, not even
    /// that it is at work (`PeerCore.mutePatience(of:)`).
    package var mutePatience: ClosedRange<Duration> = .seconds(1)...(.seconds(8))
    /// The same in settling, which does not agree with a neighbour that it goes on without.
    package var settlingMutePatience: ClosedRange<Duration> = .milliseconds(1500)...(.seconds(8))
    /// How long settling waits for one neighbour in vain, all in all, where the training took less.
    package var settlingPatience: Duration = .seconds(30)

    package init(
        schema: AdapterSchema, baseModelDigest: [UInt8], roster: Roster, remotes: [RemotePeer], rounds: Int,
        localSteps: Int, settlingLimit: Int, exchange: ExchangePolicy = ExchangePolicy()
    ) {
        self.schema = schema
        self.baseModelDigest = baseModelDigest
        self.roster = roster
        self.remotes = remotes
        self.rounds = rounds
        self.localSteps = localSteps
        self.settlingLimit = settlingLimit
        self.exchange = exchange
    }

    /// How often a peer says that it is at work when it has nothing else to say: more often while a session is young.
    static let heartbeatInterval: ClosedRange<Duration> = .milliseconds(250)...(.seconds(2))
    /// So many heartbeats come in the time that a session has stood, while their interval lies within its bounds.
    static let heartbeatsPerAge = 12
    /// Whoever leaves out so many heartbeats is mute.
    static let heartbeatsMissed = 4
    /// Whoever misses so many deadlines in a row is not waited for any more.
    static let missLimit = 3

    /// What is added to the startup's patience for neighbours that themselves wait for a peer that is not there.
    static let startupMargin = Duration.seconds(15)

    /// What a state of this peer must agree in; nil where nobody checks.
    package var stateSettings: SettingsFingerprint? {
        settings.map { settings in
            var all = settings
            for entry in ownSettings { all.set(entry) }
            return all
        }
    }

    /// Lets rounds wait at least so long for who is away or slow. A neighbour that waits for somebody else who is away is
    /// waited for a little longer than that one.
    package mutating func wait(atLeast patience: Duration) {
        self.patience = patience
        waits.initial = max(waits.initial, patience + Self.startupMargin)
        waits.minimum = max(waits.minimum, patience + Self.startupMargin)
        absencePatience = max(absencePatience, patience)
        settlingPatience = max(settlingPatience, patience)
        lingerTimeout = max(lingerTimeout, patience)
        lingerLimit = max(lingerLimit, patience)
    }

    /// The protocol's settings with room for one contribution of each neighbour on its way.
    package func fitting(_ wire: WireConfiguration) -> WireConfiguration {
        var wire = wire
        wire.inboundByteLimit = max(
            wire.inboundByteLimit, remotes.count * exchange.mostPayloadBytes(of: schema))
        return wire
    }

    /// When the swarm agrees, and how long that may take.
    package var settlingLimits: SettlingLimits {
        exchange.settlingLimits(depth: roster.depth, rounds: settlingLimit)
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
