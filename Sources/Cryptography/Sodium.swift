import CSodium

/// The library's one-time initialisation: every entry into it goes through `Sodium.ready`.
enum Sodium {
    /// True once the library is initialised; it stops the process if that fails, as nothing could be secret then.
    static let ready: Bool = {
        precondition(sodium_init() >= 0, "libsodium could not be initialised: is there a source of randomness?")
        return true
    }()
}
