package import Basics
import Cryptography

/// Where peers say that they are, in records that they have signed.
///
/// A record is told to whoever a new association is with. What it says beyond the allow list (a peer that has moved, or was
/// started at another address) is news: it is kept, passed on once to everyone in session and at the start of later
/// associations, and is tried when a peer does not answer where it was. A swarm in which nobody has moved passes nothing on.
extension ProtocolEndpoint {
    /// The peer listens at `addresses` from now on, the preferred first and at most four of them: everyone in session is
    /// told. Addresses that are not numeric are left out.
    package mutating func listens(at addresses: [NetworkAddress], at time: MonotonicTime) {
        let present = Self.tellable(addresses)
        guard present != ownAddresses else { return }
        ownAddresses = present
        ownRecord = nil
        guard let record = presentRecord(at: time) else { return }
        spread(.record(record.encoded), except: nil)
    }

    /// What is known of a peer's whereabouts beyond the allow list.
    package func record(of peer: PeerID) -> PeerRecord? {
        connections.id(of: peer).flatMap { connections[$0].standing.record }
    }

    /// Passes a record on, in its encoded form, to a peer that there is a session with.
    package mutating func tell(record bytes: [UInt8], to peer: PeerID) {
        guard let id = connections.id(of: peer), connections[id].isAssociated else { return }
        _ = connections[id].enqueue(.record(bytes), &context)
    }

    /// Those of `addresses` that a record can hold.
    static func tellable(_ addresses: [NetworkAddress]) -> [NetworkAddress] {
        Array(
            addresses.filter { address in
                let isAnywhere = address.host == "0.0.0.0" || address.host == "::"
                return !isAnywhere && address.port > 0 && NetworkAddress.canonicalHost(address.host) == address.host
            }.prefix(PeerRecord.addressLimit))
    }

    /// What a new association begins with: our record, and what is known beyond the allow list of others.
    mutating func tellRecords(to id: ConnectionID, at time: MonotonicTime) {
        if let own = presentRecord(at: time) { _ = connections[id].enqueue(.record(own.encoded), &context) }
        let wall = context.stamps.wallClock(at: time)
        for other in connections.ids where other != id {
            guard let record = connections[other].standing.record, record.content.expiry > wall else { continue }
            _ = connections[id].enqueue(.record(record.encoded), &context)
        }
    }

    /// Makes a new record and tells it to everyone in session, if the present one has become old.
    mutating func renewRecord(at time: MonotonicTime) {
        guard let old = ownRecord, let record = presentRecord(at: time), record != old else { return }
        spread(.record(record.encoded), except: nil)
    }

    /// Our record; nil where no address is to be told. Its signature is made when it is first needed.
    private mutating func presentRecord(at time: MonotonicTime) -> PeerRecord? {
        guard !ownAddresses.isEmpty else { return nil }
        let wall = context.stamps.wallClock(at: time)
        if let record = ownRecord, record.content.sequence + Self.recordRenewal > wall { return record }
        let record = PeerRecord(
            PeerRecord.Content(
                swarm: swarm.identifier, peer: local.id, exchangeKey: local.exchangeKey.publicKey,
                sequence: context.stamps.fresh(at: time), life: Self.recordLife, addresses: ownAddresses),
            signedWith: local.signingKey)
        ownRecord = record
        return record
    }

    /// Seconds that our records hold: a week.
    private static let recordLife: UInt32 = 604_800
    /// Nanoseconds after which our record is made anew: a day.
    private static let recordRenewal: UInt64 = 86_400_000_000_000
    /// The least pause between two records of one peer that are passed on: who moves all the time is not followed.
    static let recordPause = Duration.seconds(1)

    mutating func receiveRecord(_ bytes: [UInt8], from teller: ConnectionID, at time: MonotonicTime) {
        guard let content = PeerRecord.Content(signed: bytes), content.swarm == swarm.identifier else {
            return context.statistics.drop(.badRecord)
        }
        // Many that are passed on are of peers that are not known here.
        guard let id = connections.id(of: content.peer) else { return }
        let judgement = connections[id].receiveRecord(
            content, encoded: bytes, wallClock: context.stamps.wallClock(at: time),
            latest: context.stamps.latestBelievable(at: time), pause: Self.recordPause, at: time)
        switch judgement {
        case .old, .nothingNew: return
        case .bad: context.statistics.drop(.badRecord)
        case .news:
            context.hasNewMemory = true
            for address in content.addresses { remember(address) }
            spread(.record(bytes), except: teller, or: id)
        }
    }
}

extension Connection {
    /// Takes a record of the peer's, whoever has passed it on: where it says is tried next if there is no session.
    fileprivate mutating func receiveRecord(
        _ content: PeerRecord.Content, encoded: [UInt8], wallClock: UInt64, latest: UInt64, pause: Duration,
        at time: MonotonicTime
    ) -> PeerStanding.Judgement {
        let judgement = standing.take(
            content, encoded: encoded, of: remote, wallClock: wallClock, latest: latest, pause: pause, at: time)
        guard judgement == .news, !isAssociated else { return judgement }
        // Whatever was tried so far was tried where it is not.
        lastAddress = content.addresses.first
        if isWanted {
            tries = 0
            nextHandshake = time
        }
        return judgement
    }
}
