/// Told once that a socket is gone; whoever waits goes on.
struct LossSignal: Sendable {
    private let stream: AsyncStream<Void>
    private let continuation: AsyncStream<Void>.Continuation

    init() {
        (stream, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// The socket is gone.
    func raise() {
        continuation.yield()
        continuation.finish()
    }

    /// Returns when the socket is gone.
    func wait() async {
        for await _ in stream { return }
    }
}
