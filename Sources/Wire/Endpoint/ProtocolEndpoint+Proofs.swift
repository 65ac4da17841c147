package import Basics

extension ProtocolEndpoint {
    /// What the endpoint has to be given again when its process starts anew.
    package var memory: EndpointMemory {
        EndpointMemory(
            stamps: neighbours.filter { $0.greatestTimestamp > 0 }.map {
                EndpointMemory.Stamp(peer: $0.remote.id, timestamp: $0.greatestTimestamp)
            }, revocations: neighbours.compactMap(\.revocation) + (ownRevocation.map { [$0] } ?? []),
            records: neighbours.compactMap(\.record))
    }

    /// Whether the memory has changed since this was last asked.
    package mutating func takeMemoryChange() -> Bool {
        defer { hasNewMemory = false }
        return hasNewMemory
    }

    /// Takes over what an earlier process of this peer knew, at the wall clock's `handshakeTimestamp`.
    mutating func restore(_ memory: EndpointMemory, handshakeTimestamp: UInt64) {
        for stamp in memory.stamps {
            guard let index = neighbourOfPeer[stamp.peer] else { continue }
            neighbours[index].greatestTimestamp = max(neighbours[index].greatestTimestamp, stamp.timestamp)
        }
        for revocation in memory.revocations where revocation.swarm == swarm.identifier {
            if revocation.peer == local.id { ownRevocation = revocation }
            if let index = neighbourOfPeer[revocation.peer] { neighbours[index].revocation = revocation }
        }
        for record in memory.records where record.content.swarm == swarm.identifier {
            guard let index = neighbourOfPeer[record.content.peer],
                record.content.exchangeKey == neighbours[index].remote.exchangeKey
            else { continue }
            neighbours[index].record = record
            neighbours[index].recordSequence = record.content.sequence
            if record.content.expiry > handshakeTimestamp {
                neighbours[index].lastAddress = record.content.addresses[0]
            }
        }
    }

    /// Whether the peer's keys were revoked, or it was proved to have said two things: nothing of it is taken any more.
    package func isBarred(_ peer: PeerID) -> Bool {
        guard let index = neighbourOfPeer[peer] else { return false }
        return neighbours[index].revocation != nil || neighbours[index].proof != nil
    }

    /// Passes a manifest on that another peer has signed, so that `peer` can compare it with what it was told itself.
    ///
    /// - Returns: false if it was not taken: unknown peer, or 256 frames already wait.
    @discardableResult
    package mutating func testify(_ manifest: SignedManifest, to peer: PeerID) -> Bool {
        guard let index = neighbourOfPeer[peer], neighbours[index].isAssociated else { return false }
        return enqueue(.evidence(manifest.encoded), to: index)
    }

    /// Passes on what need not be a signed manifest, as a lying peer would: for tests and simulated attackers.
    package mutating func testifyUnchecked(_ bytes: [UInt8], to peer: PeerID) {
        guard let index = neighbourOfPeer[peer], neighbours[index].isAssociated else { return }
        _ = enqueue(.evidence(bytes), to: index)
    }

    /// Takes a revocation from the layer above, as if a neighbour had passed it on; ours is spread, too.
    ///
    /// - Returns: false if it is of another swarm or of nobody that is known here.
    @discardableResult
    package mutating func revoke(_ revocation: Revocation, at time: MonotonicTime) -> Bool {
        guard revocation.swarm == swarm.identifier else { return false }
        if revocation.peer == local.id {
            guard ownRevocation == nil else { return true }
            ownRevocation = revocation
            hasNewMemory = true
            spread(.revocation(revocation.encoded), except: nil)
            return true
        }
        guard let index = neighbourOfPeer[revocation.peer] else { return false }
        apply(revocation, to: index, from: nil, at: time)
        return true
    }

    mutating func receiveEvidence(_ bytes: [UInt8], from index: Int) {
        guard let manifest = signedManifest(bytes), neighbourOfPeer[manifest.manifest.origin] != nil else {
            return statistics.drop(.badManifest)
        }
        examine(manifest, from: index)
    }

    /// The signed manifest of this swarm and of a peer that is known here that `bytes` hold; nil for anything else. Most
    /// arrive several times, from the origin and from its neighbours: the signature of one that the origin's ledger has is
    /// not checked again.
    func signedManifest(_ bytes: [UInt8]) -> SignedManifest? {
        // What the closure needs and no more: with `self` it would copy the whole endpoint.
        let (identifier, own) = (swarm.identifier, local.id)
        return try? SignedManifest(encoded: bytes) {
            [neighbours, neighbourOfPeer] manifest throws(ManifestError) in
            guard manifest.swarm == identifier else { throw .foreign }
            guard let origin = neighbourOfPeer[manifest.origin] else {
                guard manifest.origin == own else { throw .foreign }
                return nil
            }
            return neighbours[origin].ledger[manifest.sequence]
        }
    }

    mutating func receiveRevocation(_ bytes: [UInt8], from index: Int, at time: MonotonicTime) {
        guard let revocation = Revocation(encoded: bytes), revocation.swarm == swarm.identifier,
            let revoked = neighbourOfPeer[revocation.peer]
        else { return statistics.drop(.badManifest) }
        apply(revocation, to: revoked, from: index, at: time)
    }

    /// Compares a manifest with what its origin has said before. Of an origin's proofs one is kept and passed on, once.
    mutating func examine(_ manifest: SignedManifest, from index: Int) {
        guard let origin = neighbourOfPeer[manifest.manifest.origin], neighbours[origin].proof == nil,
            let proof = neighbours[origin].ledger.record(manifest, limit: configuration.offersPerPeer)
        else { return }
        neighbours[origin].proof = proof
        neighbours[origin].ledger = ManifestLedger()
        neighbours[origin].offers = OfferTable()
        events.append(.equivocated(proof))
        spread(.evidence(proof.first.encoded), except: origin)
        spread(.evidence(proof.second.encoded), except: origin)
    }

    /// What a new association begins with: every proof and revocation that is known.
    mutating func tellProofs(to index: Int) {
        for other in neighbours.indices where other != index {
            if let proof = neighbours[other].proof {
                _ = enqueue(.evidence(proof.first.encoded), to: index)
                _ = enqueue(.evidence(proof.second.encoded), to: index)
            }
            if let revocation = neighbours[other].revocation { _ = enqueue(.revocation(revocation.encoded), to: index) }
        }
        if let ownRevocation { _ = enqueue(.revocation(ownRevocation.encoded), to: index) }
    }

    private mutating func apply(_ revocation: Revocation, to index: Int, from teller: Int?, at time: MonotonicTime) {
        guard neighbours[index].revocation == nil else { return }
        neighbours[index].revocation = revocation
        neighbours[index].isWanted = false
        neighbours[index].offers = OfferTable()
        hasNewMemory = true
        events.append(.revoked(neighbours[index].remote.id))
        spread(.revocation(revocation.encoded), except: teller)
        if neighbours[index].isAssociated { endAssociation(index, reason: .revoked, at: time) }
        // A handshake that is under way, either way, leads nowhere.
        if let begun = neighbours[index].handshake { neighbourOfIndex[begun.localIndex] = nil }
        if let answered = neighbours[index].next { neighbourOfIndex[answered.localIndex] = nil }
        neighbours[index].handshake = nil
        neighbours[index].next = nil
        neighbours[index].nextHandshake = nil
        neighbours[index].waiting = []
    }

    /// Sends a frame to everyone in session but one or two peers.
    mutating func spread(_ frame: ControlFrame, except excluded: Int?, or another: Int? = nil) {
        for index in neighbours.indices
        where index != excluded && index != another && neighbours[index].isAssociated {
            _ = enqueue(frame, to: index)
        }
    }
}
