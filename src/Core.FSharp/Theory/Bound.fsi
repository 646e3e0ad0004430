namespace MappingNets

/// <summary>What stands behind a constant or a fact.</summary>
type BoundStatus =
    /// It follows from the definitions, with the rounding error of computing it included as docs/theorems.md models it.
    | Proven = 0
    /// It follows from what the caller stated, or from something that was measured and not proven.
    | Assumed = 1
    /// It was sampled or iterated: near the truth, and no bound.
    | Estimated = 2
    /// No finite bound is known.
    | NotEstablished = 3

namespace MappingNets.Core

open MappingNets

/// <summary>An upper bound with what stands behind it. A status is never raised: what follows from several bounds has the weakest of theirs.</summary>
type Bound =
    {
        /// The bound; infinite where the status is NotEstablished.
        Value: float
        /// What stands behind it.
        Status: BoundStatus
        /// What is assumed, or why there is none; empty where it is proven.
        Reason: string
    }

    /// "1.41 (proven)".
    override ToString: unit -> string

/// <summary>Builds bounds.</summary>
module Bound =

    /// <summary>A proven bound.</summary>
    /// <param name="value">The bound.</param>
    val proven: value: float -> Bound

    /// <summary>A bound that follows from an assumption.</summary>
    /// <param name="reason">What is assumed.</param>
    /// <param name="value">The bound.</param>
    val assumed: reason: string -> value: float -> Bound

    /// <summary>No bound.</summary>
    /// <param name="reason">Why there is none.</param>
    val notEstablished: reason: string -> Bound

    /// <summary>A value that follows from bounds: with the weakest status of theirs and all their reasons. A value that is infinite or no number, or
    /// follows from what is not established, is infinity and NotEstablished.</summary>
    /// <param name="causes">What it follows from.</param>
    /// <param name="value">The value.</param>
    val following: causes: Bound seq -> value: float -> Bound
