import Basics

/// What chunks of an object that was asked for have brought about.
struct SourceProgress: Sendable {
    /// Set where the peer has sent more than it had credit for: the association has ended, and these objects are lost.
    var lost: [ObjectID]?
    /// Whether the peer waits for credit that there is no room for.
    var isPaused = false
    /// Whether the peer has sent all that it was asked for.
    var isDone = false
}

/// Objects that the peer is asked for. Which part of an object that is, the endpoint decides: others may be asked for the
/// rest.
extension Connection {
    /// Whether the peer has been asked for the object.
    func isSource(of object: ObjectID) -> Bool { association.inbound.contains { $0.object == object } }

    /// Whether the peer can be asked for one object more.
    func hasRoomForSource(_ configuration: WireConfiguration) -> Bool {
        association.inbound.count < configuration.inboundObjectsPerPeer && association.controls.hasRoom
    }

    /// The peer is to be asked for the object: `ask` says for which part.
    mutating func beginSource(of object: ObjectID, at time: MonotonicTime) {
        association.inbound.append(InboundSource(handle: association.nextHandle, object: object, at: time))
        association.nextHandle &+= 1
    }

    /// Asks the peer for its share of the object.
    mutating func ask(
        for share: InboundTransfer.Share, of object: ObjectID, _ context: inout ConnectionContext,
        at time: MonotonicTime
    ) {
        guard let position = association.inbound.firstIndex(where: { $0.object == object }) else { return }
        let hadWork = association.inbound[position].remaining > 0
        association.inbound[position].remaining = share.chunkCount
        // A holder that is to stop is asked for nothing.
        guard share.chunkCount > 0 || hadWork else { return }
        // Before this nothing was expected of the peer: the time without progress begins now.
        if !hadWork { association.inbound[position].progress = time }
        association.inbound[position].renewCredit(context.configuration.creditChunkCount)
        association.inbound[position].asked = time
        let handle = association.inbound[position].handle
        _ = enqueue(.want(transfer: handle, object: object, ranges: share.ranges), &context)
    }

    /// Takes note of `count` new chunks of the object, and gives more credit for it when half is used up.
    ///
    /// - Parameter hasRoom: whether what arrives may wait for the layer above.
    mutating func progress(
        by count: Int, of object: ObjectID, hasRoom: Bool, _ context: inout ConnectionContext, at time: MonotonicTime
    ) -> SourceProgress {
        guard let position = association.inbound.firstIndex(where: { $0.object == object }) else {
            return SourceProgress()
        }
        association.inbound[position].progress = time
        association.inbound[position].remaining -= count
        association.inbound[position].useCredit(count)
        guard !association.inbound[position].isOverrun else {
            return SourceProgress(lost: end(.overrun, &context, at: time))
        }
        let isPaused = giveCredit(at: position, hasRoom: hasRoom, &context)
        return SourceProgress(isPaused: isPaused, isDone: association.inbound[position].remaining <= 0)
    }

    /// Gives credit for the objects that wait for it, now that there is room.
    mutating func resumeSources(_ context: inout ConnectionContext, at time: MonotonicTime) {
        for position in association.inbound.indices where association.inbound[position].isPaused {
            association.inbound[position].isPaused = false
            association.inbound[position].progress = time
            _ = giveCredit(at: position, hasRoom: true, &context)
        }
    }

    /// - Returns: whether the peer waits for credit that there is no room for.
    private mutating func giveCredit(at position: Int, hasRoom: Bool, _ context: inout ConnectionContext) -> Bool {
        // Two numbers of it, no copy: this is asked for every packet.
        let (remaining, credit) = (association.inbound[position].remaining, association.inbound[position].credit)
        let whole = context.configuration.creditChunkCount
        guard remaining > credit, credit <= whole / 2 else { return false }
        guard hasRoom else {
            if credit <= 0 { association.inbound[position].isPaused = true }
            return credit <= 0
        }
        let more = min(remaining, whole) - credit
        let handle = association.inbound[position].handle
        if enqueue(.credit(transfer: handle, chunks: UInt32(more)), &context) {
            association.inbound[position].addCredit(more)
        }
        return false
    }

    /// The object is whole.
    ///
    /// - Parameter cancels: whether the peer is to be told to stop, if it still has something to send.
    mutating func completeSource(of object: ObjectID, cancels: Bool, _ context: inout ConnectionContext) {
        guard let position = association.inbound.firstIndex(where: { $0.object == object }) else { return }
        let source = association.inbound.remove(at: position)
        if source.remaining > 0, cancels {
            _ = enqueue(.cancel(transfer: source.handle, reason: .unwanted), &context)
        }
    }

    /// Nothing more of the object is expected from the peer, which is reported.
    ///
    /// - Parameter cancels: whether the peer is to be told to stop.
    mutating func endSource(
        of object: ObjectID, reason: TransferFailure, cancels: Bool, _ context: inout ConnectionContext
    ) {
        guard let position = association.inbound.firstIndex(where: { $0.object == object }) else { return }
        let source = association.inbound.remove(at: position)
        if cancels { _ = enqueue(.cancel(transfer: source.handle, reason: .unwanted), &context) }
        context.events.append(.transferFailed(object, from: remote.id, reason))
    }

    /// The peer gives a transfer up, one way or the other.
    mutating func takeCancel(
        of transfer: UInt32, reason: CancelReason, _ context: inout ConnectionContext
    ) -> ConnectionRequest? {
        if reason == .unwanted {
            association.outbound.removeAll { $0.handle == transfer }
            return nil
        }
        guard let object = association.inbound.first(where: { $0.handle == transfer })?.object else { return nil }
        endSource(
            of: object, reason: reason == .busy ? .limitReached : .unavailable, cancels: false, &context)
        return .divide([object])
    }
}

/// Objects that the peer is sent.
extension Connection {
    /// Sends the chunks that the peer wants.
    ///
    /// - Parameter object: nil if it is not served.
    mutating func serve(
        _ object: PublishedObject?, transfer: UInt32, ranges: [Range<UInt32>], _ context: inout ConnectionContext
    ) {
        guard let object else { return cancelServing(transfer, reason: .unavailable, &context) }
        let credit = context.configuration.creditChunkCount
        if let position = association.outbound.firstIndex(where: { $0.handle == transfer }) {
            // The handle names the object that was asked for under it first.
            association.deliveries.ask(for: association.outbound[position].object, under: transfer)
            let underWay = association.recovery.runsUnderWay(of: transfer)
            association.outbound[position].replace(ranges: ranges, except: underWay, credit: credit)
        } else if association.outbound.count < context.configuration.outboundObjectsPerPeer {
            association.deliveries.ask(for: object, under: transfer)
            association.outbound.append(
                OutboundTransfer(handle: transfer, object: object, ranges: ranges, credit: credit))
        } else {
            cancelServing(transfer, reason: .busy, &context)
        }
    }

    /// Gives up the object's transfers: it is not served any more.
    mutating func stopServing(_ object: ObjectID, _ context: inout ConnectionContext) {
        for transfer in association.outbound where transfer.object.manifest.id == object {
            cancelServing(transfer.handle, reason: .unavailable, &context)
        }
        if let delivery = association.deliveries.retire(object) {
            context.events.append(.delivered(delivery, to: remote.id))
        }
    }

    private mutating func cancelServing(
        _ handle: UInt32, reason: CancelReason, _ context: inout ConnectionContext
    ) {
        association.outbound.removeAll { $0.handle == handle }
        _ = enqueue(.cancel(transfer: handle, reason: reason), &context)
    }

    /// Offers an object: a small one by sending it whole, if there is a session.
    ///
    /// - Returns: false if as many frames as allowed already wait.
    mutating func offer(_ object: PublishedObject, _ context: inout ConnectionContext) -> Bool {
        push(object, &context) || enqueue(.offer(object.manifest.encoded), &context)
    }

    /// Queues the object's own bytes instead of an offer, if it is small, a session stands, and no more than half of
    /// the queue is in use with them: what else waits must not wait for long.
    ///
    /// - Returns: false if it is to be offered.
    private mutating func push(_ object: PublishedObject, _ context: inout ConnectionContext) -> Bool {
        guard !object.pushes.isEmpty, isAssociated,
            association.controls.count + object.pushes.count <= context.configuration.controlQueueLimit / 2
        else { return false }
        let counts = association.deliveries.push(object)
        for body in object.pushes {
            let piece = PushedPiece(
                object: object.manifest.id, byteCount: PushedObject.payloadByteCount(ofBody: body))
            guard association.controls.append(.push(body), piece: counts ? piece : nil) else { return false }
        }
        markReady(&context)
        return true
    }
}

/// Small objects that the peer sends with their manifest, without waiting for a request.
extension Connection {
    /// Takes a piece of a pushed object.
    mutating func takePush(_ body: [UInt8], _ context: inout ConnectionContext) -> ConnectionRequest? {
        let begun = association.push
        // Whatever this piece is, the object that was begun is over unless it is the next piece of it.
        association.push = nil
        if body[0] == 1 {
            var reader = ByteReader(body, range: 1..<body.count)
            if let count = reader.integer(UInt16.self), let manifest = reader.bytes(count: Int(count)) {
                return .beginPush(manifest: manifest, prefix: body[(3 + Int(count))...])
            }
        } else if var push = begun, push.append(body[1...]) {
            return keepPush(push)
        }
        context.statistics.drop(.badPush)
        return nil
    }

    /// Waits for the rest of a pushed object, if there is one.
    mutating func keepPush(_ push: PushedObject) -> ConnectionRequest? {
        if push.isWhole { return .takePush(push) }
        association.push = push
        return nil
    }

    /// Keeps a pushed object until it is asked for; of many the oldest is forgotten.
    mutating func keep(_ push: PushedObject, limit: Int) {
        association.pushed.append(push)
        if association.pushed.count > limit { association.pushed.removeFirst() }
    }

    /// Takes out what the peer has pushed and is asked for now; nil if it is not here.
    mutating func takePushed(_ object: ObjectID) -> PushedObject? {
        association.pushed.firstIndex { $0.manifest.id == object }.map { association.pushed.remove(at: $0) }
    }
}
