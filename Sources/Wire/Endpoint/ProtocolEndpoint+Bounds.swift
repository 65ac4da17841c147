extension ProtocolEndpoint {
    /// What has grown beyond its limit (docs/protocol.md, "Limits"); nil where nothing has. For checkers: whatever arrives,
    /// nothing may.
    package var brokenBound: String? {
        for id in connections.ids {
            if let bound = connections[id].brokenBound(configuration) { return bound }
        }
        if inboundByteCount > configuration.inboundByteLimit {
            return "\(inboundByteCount) bytes of objects on their way"
        }
        if knownAddresses.count > 4 * connections.count + 1 { return "\(knownAddresses.count) addresses" }
        if context.routes.count > 4 * connections.count { return "\(context.routes.count) session indices" }
        return nil
    }
}
