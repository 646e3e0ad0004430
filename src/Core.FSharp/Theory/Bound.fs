namespace MappingNets

type BoundStatus =
    | Proven = 0
    | Assumed = 1
    | Estimated = 2
    | NotEstablished = 3

namespace MappingNets.Core

open System
open MappingNets

[<StructuredFormatDisplay("{Text}")>]
type Bound =
    { Value: float
      Status: BoundStatus
      Reason: string }

    member private bound.Text = bound.ToString()

    override bound.ToString() =
        let status = bound.Status.ToString().ToLowerInvariant()
        let reason = if bound.Reason = "" then "" else $": {bound.Reason}"
        FormattableString.Invariant $"{bound.Value:g6} ({status}{reason})"

module Bound =

    let proven value =
        { Value = value
          Status = BoundStatus.Proven
          Reason = "" }

    let assumed reason value =
        { Value = value
          Status = BoundStatus.Assumed
          Reason = reason }

    let notEstablished reason =
        { Value = infinity
          Status = BoundStatus.NotEstablished
          Reason = reason }

    let following (causes: Bound seq) value =
        let causes = Seq.toArray causes

        let reasons =
            causes
            |> Array.map _.Reason
            |> Array.filter (fun reason -> reason <> "")
            |> Array.distinct

        let weakest =
            causes
            |> Array.fold (fun weakest cause -> max weakest cause.Status) BoundStatus.Proven

        let isKnown = Double.IsFinite value && weakest <> BoundStatus.NotEstablished

        // 0 times infinity on the way here is no number, and no bound either.
        { Value = if isKnown then value else infinity
          Status = if isKnown then weakest else BoundStatus.NotEstablished
          Reason = String.Join("; ", reasons) }
