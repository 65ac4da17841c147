import Synchronization

/// Signatures that were found valid in this process, by a 256-bit digest of key, message and signature.
///
/// For processes that many peers live in: in a simulated swarm every neighbour of an origin checks the very same signature,
/// and whether it is valid does not depend on who asks. Off unless it is asked for; a peer's own process has no use for it.
package enum SignatureMemory {
    /// Signatures that are remembered; then the memory begins anew.
    private static let limit = 16_384
    private static let isOn = Atomic<Bool>(false)
    private static let known = Mutex<Set<[UInt8]>>([])

    /// Remembers from now on.
    package static func begin() { isOn.store(true, ordering: .relaxed) }

    /// Whether the signature is valid: what `check` says, or said.
    static func isValid(
        _ signature: [UInt8], of message: [UInt8], by publicKey: [UInt8], check: () -> Bool
    ) -> Bool {
        guard isOn.load(ordering: .relaxed) else { return check() }
        var digest = Digest()
        digest.update(publicKey)
        digest.update(signature)
        digest.update(message)
        let name = digest.finish()
        if known.withLock({ $0.contains(name) }) { return true }
        guard check() else { return false }
        known.withLock { known in
            if known.count >= limit { known.removeAll(keepingCapacity: true) }
            known.insert(name)
        }
        return true
    }
}
