import CKernels

/// A few threads that share every piece of one computation, with so little delay between pieces that a single product
/// is worth sharing: what a lone peer uses to fill all processors.
///
/// Its threads sleep where there is nothing to do for more than a fifth of a millisecond. Work is cut in the same way
/// for a given number of parts always, so that results depend on that number alone.
// @unchecked: the C team is made before the initialiser returns and never changes; `run` may be called by one caller at
// a time only, which whoever owns a team sees to (an engine's state belongs to one caller at a time).
package final class ComputeTeam: @unchecked Sendable {
    /// The number of parts that work is cut into, the caller's own among them.
    package let count: Int
    private let team: OpaquePointer

    /// A team of `count` threads, the caller's among them; fewer where the system refuses more.
    package init(count: Int) {
        precondition(count > 0 && count <= 1024, "a team has a sensible size")
        guard let team = murmur_team_new(Int32(count)) else {
            preconditionFailure("there is no memory for a team of \(count)")
        }
        self.team = team
        self.count = Int(murmur_team_count(team))
    }

    deinit {
        murmur_team_free(team)
    }

    /// Calls `body` for every part at the same time and returns when all are done. The parts must not touch the same
    /// memory, unless all only read.
    package func run(_ body: (_ part: Int) -> Void) {
        if count == 1 { return body(0) }
        // The C team calls back with a pointer to the closure, which lives until `murmur_team_run` returns.
        withoutActuallyEscaping(body) { body in
            withUnsafePointer(to: body) { pointer in
                murmur_team_run(
                    team,
                    { context, part in
                        context?.assumingMemoryBound(to: ((Int) -> Void).self).pointee(Int(part))
                    }, UnsafeMutableRawPointer(mutating: pointer))
            }
        }
    }
}
