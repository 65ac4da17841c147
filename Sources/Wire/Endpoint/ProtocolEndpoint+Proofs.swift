package import Basics

extension ProtocolEndpoint {
    /// What the endpoint has to be given again when its process starts anew.
    package var memory: EndpointMemory {
        let all = connections.ids.map { connections[$0] }.sorted { $0.remote.id < $1.remote.id }
        return EndpointMemory(
            stamps: all.filter { $0.greatestTimestamp > 0 }.map {
                EndpointMemory.Stamp(peer: $0.remote.id, timestamp: $0.greatestTimestamp)
            },
            revocations: all.compactMap(\.standing.revocation) + formerRevocations
                + (ownRevocation.map { [$0] } ?? []),
            records: all.compactMap(\.standing.record))
    }

    /// Whether the memory has changed since this was last asked.
    package mutating func takeMemoryChange() -> Bool {
        defer { context.hasNewMemory = false }
        return context.hasNewMemory
    }

    /// Takes over what an earlier process of this peer knew, at the wall clock's `handshakeTimestamp`.
    mutating func restore(_ memory: EndpointMemory, handshakeTimestamp: UInt64) {
        for stamp in memory.stamps {
            guard let id = connections.id(of: stamp.peer) else { continue }
            // One that would not be taken today says nothing.
            let (latest, isTooLarge) = handshakeTimestamp.addingReportingOverflow(StampClock.skew)
            let isBelievable = isTooLarge || stamp.timestamp <= latest
            connections[id].greatestTimestamp = max(
                connections[id].greatestTimestamp, isBelievable ? stamp.timestamp : handshakeTimestamp)
        }
        for revocation in memory.revocations where revocation.swarm == swarm.identifier {
            if revocation.peer == local.id {
                ownRevocation = revocation
            } else if let id = connections.id(of: revocation.peer) {
                connections[id].standing.revoke(by: revocation)
            } else {
                keep(revocation)
            }
        }
        for record in memory.records where record.content.swarm == swarm.identifier {
            guard let id = connections.id(of: record.content.peer),
                record.content.exchangeKey == connections[id].remote.exchangeKey
            else { continue }
            connections[id].standing.restore(record)
            if record.content.expiry > handshakeTimestamp {
                connections[id].lastAddress = record.content.addresses[0]
            }
        }
    }

    /// Whether the peer's keys were revoked, or it was proved to have said two things: nothing of it is taken any more.
    package func isBarred(_ peer: PeerID) -> Bool {
        connections.id(of: peer).map { connections[$0].standing.isBarred } ?? false
    }

    /// Passes a manifest on that another peer has signed, in its encoded form, so that `peer` can compare it with what it
    /// was told itself.
    ///
    /// - Returns: false if it was not taken: unknown peer, no session, or 256 frames already wait.
    @discardableResult
    package mutating func testify(_ manifest: [UInt8], to peer: PeerID) -> Bool {
        guard let id = connections.id(of: peer), connections[id].isAssociated else { return false }
        return connections[id].enqueue(.evidence(manifest), &context)
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
            context.hasNewMemory = true
            spread(.revocation(revocation.encoded), except: nil)
            return true
        }
        guard let id = connections.id(of: revocation.peer) else { return false }
        apply(revocation, to: id, from: nil, at: time)
        return true
    }

    mutating func receiveEvidence(_ bytes: [UInt8], from id: ConnectionID) {
        guard let manifest = signedManifest(bytes), connections.id(of: manifest.manifest.origin) != nil else {
            return context.statistics.drop(.badManifest)
        }
        examine(manifest)
    }

    /// The signed manifest of this swarm and of a peer that is known here that `bytes` hold; nil for anything else. Most
    /// arrive several times, from the origin and from its neighbours: the signature of one that the origin's ledger has is
    /// not checked again.
    func signedManifest(_ bytes: [UInt8]) -> SignedManifest? {
        // What the closure needs and no more: with `self` it would copy the whole endpoint.
        let (identifier, own) = (swarm.identifier, local.id)
        return try? SignedManifest(encoded: bytes) { [connections] manifest throws(ManifestError) in
            guard manifest.swarm == identifier else { throw .foreign }
            guard let origin = connections.id(of: manifest.origin) else {
                guard manifest.origin == own else { throw .foreign }
                return nil
            }
            return connections[origin].standing.ledger[manifest.sequence]
        }
    }

    mutating func receiveRevocation(_ bytes: [UInt8], from id: ConnectionID, at time: MonotonicTime) {
        guard let revocation = Revocation(encoded: bytes), revocation.swarm == swarm.identifier,
            let revoked = connections.id(of: revocation.peer)
        else { return context.statistics.drop(.badManifest) }
        apply(revocation, to: revoked, from: id, at: time)
    }

    /// Compares a manifest with what its origin has said before. Of an origin's proofs one is kept and passed on, once.
    mutating func examine(_ manifest: SignedManifest) {
        guard let origin = connections.id(of: manifest.manifest.origin),
            let proof = connections[origin].standing.examine(manifest, limit: configuration.offersPerPeer)
        else { return }
        context.events.append(.equivocated(proof))
        spread(.evidence(proof.first.encoded), except: origin)
        spread(.evidence(proof.second.encoded), except: origin)
    }

    /// What a new association begins with: every proof and revocation that is known.
    mutating func tellProofs(to id: ConnectionID) {
        for other in connections.ids where other != id {
            if let proof = connections[other].standing.proof {
                _ = connections[id].enqueue(.evidence(proof.first.encoded), &context)
                _ = connections[id].enqueue(.evidence(proof.second.encoded), &context)
            }
            if let revocation = connections[other].standing.revocation {
                _ = connections[id].enqueue(.revocation(revocation.encoded), &context)
            }
        }
        if let ownRevocation { _ = connections[id].enqueue(.revocation(ownRevocation.encoded), &context) }
    }

    private mutating func apply(
        _ revocation: Revocation, to id: ConnectionID, from teller: ConnectionID?, at time: MonotonicTime
    ) {
        guard connections[id].standing.revocation == nil else { return }
        connections[id].standing.revoke(by: revocation)
        context.hasNewMemory = true
        context.events.append(.revoked(connections[id].remote.id))
        spread(.revocation(revocation.encoded), except: teller)
        if connections[id].isAssociated {
            release(connections[id].end(.revoked, &context, at: time), from: id, at: time)
        }
        connections[id].abandonHandshakes(&context)
    }

    /// Sends a frame to everyone in session but one or two peers.
    mutating func spread(_ frame: ControlFrame, except excluded: ConnectionID?, or another: ConnectionID? = nil) {
        for id in connections.ids where id != excluded && id != another && connections[id].isAssociated {
            _ = connections[id].enqueue(frame, &context)
        }
    }
}
