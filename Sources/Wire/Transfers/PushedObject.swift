import Basics
import Cryptography

/// An object that comes, or has come, without having been asked for: a small one, behind its manifest in control frames,
/// which arrive in order and once each.
struct PushedObject: Sendable {
    let manifest: SignedManifest
    /// What has arrived of the payload.
    private(set) var payload: [UInt8]

    /// The object whose payload begins with `prefix`.
    ///
    /// - Returns: nil if it has no payload or one that is too large to be pushed, or if there are more bytes than that.
    init?(manifest: SignedManifest, prefix: ArraySlice<UInt8>) {
        let count = manifest.manifest.payloadByteCount
        guard (1...WireConfiguration.pushedByteLimit).contains(count), prefix.count <= count else { return nil }
        self.manifest = manifest
        payload = []
        payload.reserveCapacity(count)
        payload += prefix
    }

    /// Takes in the next bytes.
    ///
    /// - Returns: false if the payload has not as many.
    mutating func append(_ bytes: ArraySlice<UInt8>) -> Bool {
        guard payload.count + bytes.count <= manifest.manifest.payloadByteCount else { return false }
        payload += bytes
        return true
    }

    /// Whether all bytes are here.
    var isWhole: Bool { payload.count == manifest.manifest.payloadByteCount }

    /// Whether the payload is the one that the manifest describes.
    var isTrue: Bool { MerkleTree.root(of: payload) == manifest.manifest.root }

    /// Bytes of the payload in the body of a frame that pushes an object.
    static func payloadByteCount(ofBody body: [UInt8]) -> Int {
        body[0] == 1 ? body.count - 3 - (Int(body[1]) | Int(body[2]) << 8) : body.count - 1
    }

    /// The bodies of the frames that push an object: the first holds the manifest, and all but the last are as long as
    /// allowed.
    static func bodies(of manifest: SignedManifest, payload: [UInt8]) -> [[UInt8]] {
        let signed = manifest.encoded
        var body: [UInt8] = [1]
        body.append(integer: UInt16(signed.count))
        body += signed
        var bodies: [[UInt8]] = []
        var sent = 0
        repeat {
            let count = min(payload.count - sent, WireConfiguration.pushFrameByteCount - body.count)
            body += payload[sent..<sent + count]
            sent += count
            bodies.append(body)
            body = [0]
        } while sent < payload.count
        return bodies
    }
}
