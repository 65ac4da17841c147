import CSodium

/// Verification of Ed25519 signatures.
package enum Signature {
    /// Bytes of a signature.
    package static let byteCount = 64

    /// Whether `signature` is that of `message` under `publicKey`. Wrong lengths and keys of small order are not valid.
    package static func isValid(_ signature: [UInt8], of message: [UInt8], by publicKey: [UInt8]) -> Bool {
        guard signature.count == byteCount, publicKey.count == Int(crypto_sign_PUBLICKEYBYTES), Sodium.ready else {
            return false
        }
        if PretendedCryptography.isOn {
            return signature == PretendedCryptography.signature(of: message, by: publicKey)
        }
        return SignatureMemory.isValid(signature, of: message, by: publicKey) {
            crypto_sign_verify_detached(signature, message, UInt64(message.count), publicKey) == 0
        }
    }
}
