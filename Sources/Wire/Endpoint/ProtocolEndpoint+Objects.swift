package import Overlay

extension ProtocolEndpoint {
    /// Serves an object from now on, to whoever of the swarm asks, until it is retired. The payload must be the
    /// manifest's: its hash tree is computed and compared.
    @discardableResult
    package mutating func publish(_ manifest: SignedManifest, payload: [UInt8]) -> ObjectID {
        let leafHashes = MerkleTree.leafHashes(of: payload)
        precondition(
            payload.count == manifest.manifest.payloadByteCount
                && MerkleTree.root(leafHashes: leafHashes, byteCount: payload.count) == manifest.manifest.root,
            "a published payload is the one that its manifest describes")
        return serve(manifest, payload: payload, leafHashes: leafHashes)
    }

    /// Serves a payload that need not be the manifest's, as a lying peer would: for tests and simulated attackers.
    @discardableResult
    package mutating func publishUnchecked(_ manifest: SignedManifest, payload: [UInt8]) -> ObjectID {
        serve(manifest, payload: payload, leafHashes: MerkleTree.leafHashes(of: payload))
    }

    private mutating func serve(_ manifest: SignedManifest, payload: [UInt8], leafHashes: [UInt8]) -> ObjectID {
        published[manifest.id] = PublishedObject(
            manifest: manifest, payload: payload, leafHashes: leafHashes,
            layout: ChunkLayout(payloadByteCount: payload.count))
        return manifest.id
    }

    /// Ends serving an object; transfers that are under way are given up.
    package mutating func retire(_ object: ObjectID) {
        guard published.removeValue(forKey: object) != nil else { return }
        for index in neighbours.indices {
            guard let transfers = neighbours[index].association?.outbound else { continue }
            for transfer in transfers where transfer.object.manifest.id == object {
                cancelOutbound(transfer.handle, of: index, reason: .unavailable)
            }
        }
    }

    /// Offers a published object to a peer; the offer waits for the session if there is none yet.
    ///
    /// - Returns: false if it was not taken: not published, unknown peer, or 256 frames already wait.
    @discardableResult
    package mutating func announce(_ object: ObjectID, to peer: PeerID, at time: MonotonicTime) -> Bool {
        guard let manifest = published[object]?.manifest, let index = neighbourOfPeer[peer] else { return false }
        return enqueue(.offer(manifest.encoded), to: index)
    }

    /// Asks a peer for an object that some peer has announced: `received` or `transferFailed` follows.
    package mutating func request(_ object: ObjectID, from peer: PeerID, at time: MonotonicTime) {
        func fail(_ reason: TransferFailure) { events.append(.transferFailed(object, from: peer, reason)) }
        guard let index = neighbourOfPeer[peer], neighbours[index].association != nil else {
            return fail(.disconnected)
        }
        guard let manifest = offer(of: object, preferring: index) else { return fail(.unknownObject) }
        let inbound = neighbours[index].association!.inbound
        guard !inbound.contains(where: { $0.manifest.id == object }) else { return }
        let byteCount = manifest.manifest.payloadByteCount
        guard inbound.count < configuration.inboundObjectsPerPeer, inboundTotals.objects < configuration.inboundObjects,
            inboundTotals.bytes + byteCount <= configuration.inboundByteLimit
        else { return fail(.limitReached) }
        let handle = neighbours[index].association!.nextHandle
        neighbours[index].association!.nextHandle &+= 1
        let transfer = InboundTransfer(handle: handle, manifest: manifest, at: time)
        guard !transfer.isComplete else {
            statistics.objectsReceived += 1
            events.append(.received(from: peer, manifest, payload: []))
            return
        }
        let wanted = ControlFrame.want(
            transfer: handle, object: object, ranges: [0..<UInt32(transfer.layout.chunkCount)])
        guard enqueue(wanted, to: index) else { return fail(.limitReached) }
        neighbours[index].association!.inbound.append(transfer)
    }

    /// Queues a control frame; before there is an association it waits.
    mutating func enqueue(_ frame: ControlFrame, to index: Int) -> Bool {
        guard !isClosed else { return false }
        if neighbours[index].association != nil {
            guard neighbours[index].association!.controls.append(frame) else { return false }
            markReady(index)
            return true
        }
        guard neighbours[index].waiting.count < configuration.controlQueueLimit else { return false }
        neighbours[index].waiting.append(frame)
        return true
    }

    /// Reports every object on its way from the neighbour as failed.
    mutating func failTransfers(of index: Int, reason: TransferFailure) {
        for transfer in neighbours[index].association?.inbound ?? [] {
            events.append(.transferFailed(transfer.manifest.id, from: neighbours[index].remote.id, reason))
        }
        neighbours[index].association?.inbound = []
    }

    mutating func receiveOffer(_ bytes: [UInt8], from index: Int) {
        guard let manifest = signedManifest(bytes), !isBarred(manifest.manifest.origin) else {
            return statistics.drop(.badManifest)
        }
        examine(manifest, from: index)
        guard !isBarred(manifest.manifest.origin) else { return }
        neighbours[index].offers.insert(manifest, limit: configuration.offersPerPeer)
        events.append(.announced(from: neighbours[index].remote.id, manifest))
    }

    mutating func receiveWant(transfer: UInt32, object: ObjectID, ranges: [Range<UInt32>], from index: Int) {
        guard let object = published[object] else {
            return cancelOutbound(transfer, of: index, reason: .unavailable)
        }
        let outbound = neighbours[index].association?.outbound ?? []
        if let position = outbound.firstIndex(where: { $0.handle == transfer }) {
            neighbours[index].association?.outbound[position].replace(ranges: ranges)
        } else if outbound.count < configuration.outboundObjectsPerPeer {
            neighbours[index].association?.outbound.append(
                OutboundTransfer(handle: transfer, object: object, ranges: ranges))
        } else {
            cancelOutbound(transfer, of: index, reason: .busy)
        }
    }

    mutating func receiveCancel(transfer: UInt32, reason: CancelReason, from index: Int) {
        if reason == .unwanted {
            neighbours[index].association?.outbound.removeAll { $0.handle == transfer }
        } else if let position = neighbours[index].association?.inbound.firstIndex(where: { $0.handle == transfer }) {
            endInbound(position, of: index, reason: reason == .busy ? .limitReached : .unavailable, tell: false)
        }
    }

    mutating func receiveChunk(
        _ chunk: UInt32, of transfer: UInt32, range: Range<Int>, from index: Int, at time: MonotonicTime
    ) {
        guard let position = neighbours[index].association?.inbound.firstIndex(where: { $0.handle == transfer }) else {
            return statistics.drop(.unwantedChunk)
        }
        let outcome = neighbours[index].association!.inbound[position].receive(
            index: chunk, packet: scratch, range: range, at: time)
        switch outcome {
        case .unwanted: statistics.drop(.unwantedChunk)
        case .progress: break
        case .corrupt: endInbound(position, of: index, reason: .corrupt, tell: true)
        case .complete:
            let transfer = neighbours[index].association!.inbound.remove(at: position)
            statistics.objectsReceived += 1
            statistics.payloadBytesReceived += UInt64(transfer.payload.count)
            events.append(
                .received(from: neighbours[index].remote.id, transfer.manifest, payload: transfer.payload))
        }
    }

    /// Asks again for what makes no progress, and gives up what has made none for long.
    mutating func handleTransferTimeouts(_ index: Int, at time: MonotonicTime) {
        var position = 0
        while position < neighbours[index].association?.inbound.count ?? 0 {
            let transfer = neighbours[index].association!.inbound[position]
            if transfer.progress + configuration.transferTimeout <= time {
                endInbound(position, of: index, reason: .timedOut, tell: true)
                continue
            }
            if max(transfer.progress, transfer.asked) + configuration.transferRepeat <= time {
                neighbours[index].association!.inbound[position].asked = time
                _ = enqueue(
                    .want(
                        transfer: transfer.handle, object: transfer.manifest.id,
                        ranges: transfer.missingRanges(limit: 64)), to: index)
            }
            position += 1
        }
    }

    private mutating func endInbound(_ position: Int, of index: Int, reason: TransferFailure, tell: Bool) {
        let transfer = neighbours[index].association!.inbound.remove(at: position)
        if tell { _ = enqueue(.cancel(transfer: transfer.handle, reason: .unwanted), to: index) }
        events.append(.transferFailed(transfer.manifest.id, from: neighbours[index].remote.id, reason))
    }

    private mutating func cancelOutbound(_ handle: UInt32, of index: Int, reason: CancelReason) {
        neighbours[index].association?.outbound.removeAll { $0.handle == handle }
        _ = enqueue(.cancel(transfer: handle, reason: reason), to: index)
    }

    private func offer(of object: ObjectID, preferring index: Int) -> SignedManifest? {
        if let manifest = neighbours[index].offers[object] { return manifest }
        return neighbours.lazy.compactMap { $0.offers[object] }.first
    }

    /// Bytes that objects on their way take up.
    package var inboundByteCount: Int { inboundTotals.bytes }

    private var inboundTotals: (objects: Int, bytes: Int) {
        neighbours.reduce(into: (0, 0)) { totals, neighbour in
            for transfer in neighbour.association?.inbound ?? [] {
                totals.0 += 1
                totals.1 += transfer.layout.payloadByteCount
            }
        }
    }
}
