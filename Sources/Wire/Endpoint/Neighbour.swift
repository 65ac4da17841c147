import Basics
import Cryptography

/// What an endpoint knows of one remote peer.
struct Neighbour: Sendable {
    let remote: RemotePeer
    /// The key of the code in handshake packets to it.
    let codeKey: [UInt8]
    /// Where it was last seen, if it has no address in the allow list.
    var lastAddress: NetworkAddress?
    /// Whether a session with it is wanted.
    var isWanted = false
    /// What we call the present association in handshakes; a new one says that we have forgotten what was before.
    var incarnation: UInt64
    /// The greatest timestamp of its initiations.
    var greatestTimestamp: UInt64 = 0
    /// Our initiation that is not answered yet.
    var handshake: OutgoingHandshake?
    /// A cookie that it gave us when it was under load, and when.
    var cookie: (bytes: [UInt8], time: MonotonicTime)?
    /// When the next initiation is due.
    var nextHandshake: MonotonicTime?
    /// Initiations since the last success.
    var tries = 0
    /// The session that packets are sent under.
    var current: Session?
    /// The session before, for packets that were under way.
    var previous: Session?
    /// A session that we answered for, until its first packet proves that the other side has it too.
    var next: Session?
    var association: Association?
    /// Whether there is an association. Kept apart: to ask the association itself is to copy it.
    private(set) var isAssociated = false
    /// The check of an address from which its packets have begun to come.
    var validation: PathValidation?
    /// Control frames that wait for an association.
    var waiting: [ControlFrame] = []
    /// Handshake and goodbye packets that are to be sent.
    var outbox: [Datagram] = []
    /// Whether it is in the queue of those that may have something to send.
    var isReady = false
    /// What it has signed lately.
    var ledger = ManifestLedger()
    /// That it has said two things.
    var proof: EquivocationProof?
    /// That its keys are no longer to be trusted.
    var revocation: Revocation?
    /// What its newest record says beyond the allow list; nil where it says the same, or there is none.
    var record: PeerRecord?
    /// The greatest number of its records, and when news of it was last taken.
    var recordSequence: UInt64 = 0
    var recordTime: MonotonicTime?
    /// Objects that it has offered.
    var offers = OfferTable()

    /// An association begins.
    mutating func associate(_ association: Association) {
        self.association = association
        isAssociated = true
    }

    /// The association ends.
    mutating func dissociate() {
        association = nil
        isAssociated = false
    }
}

/// An initiation of ours that is not answered yet.
struct OutgoingHandshake: Sendable {
    let noise: NoiseHandshake.Initiator
    let localIndex: UInt32
    /// The first code of the packet, which a cookie refers to.
    let code: [UInt8]
    /// Where it was sent.
    let address: NetworkAddress
}
