extension ProtocolEndpoint {
    /// What has grown beyond its limit (docs/protocol.md, "Limits"); nil where nothing has. For checkers: whatever arrives,
    /// nothing may.
    package var brokenBound: String? {
        for index in neighbours.indices {
            if neighbours[index].outbox.count > 4 {
                return "\(neighbours[index].outbox.count) packets outside sessions"
            }
            let waiting = neighbours[index].waiting.count
            if waiting > configuration.controlQueueLimit { return "\(waiting) frames that wait for a session" }
            guard let association = neighbours[index].association else { continue }
            if association.controls.count > configuration.controlQueueLimit {
                return "\(association.controls.count) control frames under way"
            }
            if association.inbox.count > configuration.controlQueueLimit {
                return "\(association.inbox.count) control frames out of order"
            }
            if association.inbound.count > configuration.inboundObjectsPerPeer {
                return "\(association.inbound.count) objects on their way from one peer"
            }
            if association.pushed.count > configuration.pushedObjectsPerPeer {
                return "\(association.pushed.count) pushed objects of one peer"
            }
            if association.outbound.count > configuration.outboundObjectsPerPeer {
                return "\(association.outbound.count) objects on their way to one peer"
            }
        }
        if inboundByteCount > configuration.inboundByteLimit {
            return "\(inboundByteCount) bytes of objects on their way"
        }
        if knownAddresses.count > 4 * neighbours.count + 1 { return "\(knownAddresses.count) addresses" }
        if neighbourOfIndex.count > 4 * neighbours.count { return "\(neighbourOfIndex.count) session indices" }
        return nil
    }
}
