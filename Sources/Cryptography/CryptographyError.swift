/// Why a cryptographic operation was refused. It never says more, so that nothing about a secret leaks.
package enum CryptographyError: Error, Sendable, Hashable {
    /// A key, a signature or a tag has the wrong length or is not a valid encoding.
    case malformedInput
    /// The tag or the signature is not that of this message under this key.
    case authenticationFailed
    /// The library could not be initialised or had no memory to lock.
    case unavailable
}
