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
        neighbourOfPeer[peer].flatMap { neighbours[$0].record }
    }

    /// Passes on what need not be a record, as a lying peer would: for tests and simulated attackers.
    package mutating func tellUnchecked(_ bytes: [UInt8], to peer: PeerID) {
        guard let index = neighbourOfPeer[peer], neighbours[index].isAssociated else { return }
        _ = enqueue(.record(bytes), to: index)
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
    mutating func tellRecords(to index: Int, at time: MonotonicTime) {
        if let own = presentRecord(at: time) { _ = enqueue(.record(own.encoded), to: index) }
        let wall = wallClock(at: time)
        for other in neighbours.indices where other != index {
            guard let record = neighbours[other].record, record.content.expiry > wall else { continue }
            _ = enqueue(.record(record.encoded), to: index)
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
        let wall = wallClock(at: time)
        if let record = ownRecord, record.content.sequence + Self.recordRenewal > wall { return record }
        let record = PeerRecord(
            PeerRecord.Content(
                swarm: swarm.identifier, peer: local.id, exchangeKey: local.exchangeKey.publicKey,
                sequence: freshStamp(at: time), life: Self.recordLife, addresses: ownAddresses),
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

    mutating func receiveRecord(_ bytes: [UInt8], from teller: Int, at time: MonotonicTime) {
        guard let content = PeerRecord.Content(signed: bytes), content.swarm == swarm.identifier else {
            return statistics.drop(.badRecord)
        }
        // Most that are passed on are of peers that are not known here, or known already.
        guard let index = neighbourOfPeer[content.peer], content.sequence > neighbours[index].recordSequence,
            neighbours[index].revocation == nil
        else { return }
        let isNews = content.addresses != neighbours[index].remote.address.map { [$0] } ?? []
        let wasNews = neighbours[index].record != nil
        guard content.exchangeKey == neighbours[index].remote.exchangeKey, content.expiry > wallClock(at: time),
            !(isNews || wasNews) || neighbours[index].recordTime.map({ $0 + Self.recordPause <= time }) ?? true,
            let record = PeerRecord(encoded: bytes)
        else { return statistics.drop(.badRecord) }
        neighbours[index].recordSequence = content.sequence
        guard isNews || wasNews else { return }
        neighbours[index].record = isNews ? record : nil
        neighbours[index].recordTime = time
        hasNewMemory = true
        for address in content.addresses { remember(address) }
        spread(.record(bytes), except: teller, or: index)
        guard !neighbours[index].isAssociated else { return }
        // Whatever was tried so far was tried where it is not.
        neighbours[index].lastAddress = content.addresses.first
        guard neighbours[index].isWanted else { return }
        neighbours[index].tries = 0
        neighbours[index].nextHandshake = time
    }

    /// Where the next initiation to the neighbour goes, and under which suite: after some tries in vain the next place of
    /// those where it was seen last, where its record says, and where the allow list says; and as the one that does not speak
    /// a suite does not answer, every place with every suite.
    func handshakeTarget(of index: Int, at time: MonotonicTime) -> (address: NetworkAddress, suite: CipherSuite)? {
        var places: [NetworkAddress] = []
        func add(_ place: NetworkAddress?) {
            if let place, !places.contains(place) { places.append(place) }
        }
        add(neighbours[index].lastAddress)
        if let content = neighbours[index].record?.content, content.expiry > wallClock(at: time) {
            for address in content.addresses { add(address) }
        }
        add(neighbours[index].remote.address)
        guard !places.isEmpty else { return nil }
        let suites = configuration.suites
        let step = neighbours[index].tries / max(1, configuration.triesPerSuite)
        let turn = places.count % suites.count == 0 ? step / places.count : 0
        return (places[step % places.count], suites[(step + turn) % suites.count])
    }
}
