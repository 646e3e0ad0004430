namespace MappingNets.Core

open System
open TorchSharp

type TrajectoryShape =
    { Name: string
      Weights: int64
      Variances: float[]
      TotalVariance: float
      ParticipationRatio: float }

    member shape.ExplainedVariance =
        if shape.TotalVariance = 0.0 then
            Array.create shape.Variances.Length 1.0
        else
            shape.Variances
            |> Array.scan (+) 0.0
            |> Array.tail
            |> Array.map (fun sum -> min 1.0 (sum / shape.TotalVariance))

    member shape.AxesFor(share: float) =
        if not (share >= 0.0 && share <= 1.0) then
            raise (ArgumentOutOfRangeException(nameof share, share, "The share must be from 0 to 1."))

        if shape.TotalVariance = 0.0 || share = 0.0 then
            0
        else
            // Rounding may leave the last sum below 1.
            match
                shape.ExplainedVariance
                |> Array.tryFindIndex (fun explained -> explained >= share - 1e-12)
            with
            | Some index -> index + 1
            | None -> shape.Variances.Length

    member shape.DistanceFromSubspace(dimension: int) =
        if dimension < 0 then
            raise (ArgumentOutOfRangeException(nameof dimension, dimension, "The dimension must be at least 0."))

        shape.Variances
        |> Array.skip (min dimension shape.Variances.Length)
        |> Array.sum
        |> sqrt

type DimensionTrial =
    { Dimension: int
      Accuracy: float
      Reaches: bool }

type IntrinsicDimension =
    { Smallest: int option
      LargestFailing: int option
      Trials: DimensionTrial[] }

module WeightTrajectory =

    let private check (snapshots: torch.Tensor) =
        requireMatrix (nameof snapshots) snapshots

        if snapshots.shape[0] < 2L then
            raise (ArgumentException("There is one snapshot; a trajectory needs at least two.", nameof snapshots))

    /// The Gram matrix (n, n) of the snapshots around their mean.
    let private gram (snapshots: torch.Tensor) =
        use scope = torch.NewDisposeScope()
        let centred = snapshots.detach().to_type (torch.float64, copy = true)
        // From the first one on: a weight that does not move is then 0, where the mean of equal numbers may be another by rounding.
        centred.sub_ (centred[0L].clone ()) |> ignore
        centred.sub_ (centred.mean ([| 0L |], keepdim = true)) |> ignore
        (centred.mm (centred.t ())).MoveToOuterDisposeScope()

    let private named name (snapshots: torch.Tensor) =
        use _ = torch.no_grad ()
        use scope = torch.NewDisposeScope()
        let count = int snapshots.shape[0]

        let values =
            torch.linalg.eigvalsh(gram snapshots).cpu().data<float>().ToArray()
            |> Array.map (fun value -> max 0.0 value / float count)
            |> Array.sortDescending
            |> Array.truncate (int (min (int64 count - 1L) snapshots.shape[1]))

        let total = Array.sum values
        let squares = values |> Array.sumBy (fun value -> value * value)

        { Name = name
          Weights = snapshots.shape[1]
          Variances = values
          TotalVariance = total
          ParticipationRatio = (if squares = 0.0 then 0.0 else total * total / squares) }

    let shape snapshots =
        check snapshots
        named "theta" snapshots

    let shapeOfLayers (layout: ParameterLayout) (snapshots: torch.Tensor) =
        check snapshots

        if snapshots.shape[1] <> layout.Count then
            raise (
                ArgumentException(
                    $"The snapshots have {snapshots.shape[1]} weights, the layout {layout.Count}.",
                    nameof snapshots
                )
            )

        layout.Layers
        |> Array.map (fun layer ->
            use own = snapshots.narrow (1L, layer.Offset, layer.Count)
            named layer.Name own)

    let coordinates snapshots axes =
        check snapshots

        if axes < 1 || int64 axes > snapshots.shape[0] - 1L then
            raise (ArgumentOutOfRangeException(nameof axes, axes, $"It must be from 1 to {snapshots.shape[0] - 1L}."))

        use _ = torch.no_grad ()
        use scope = torch.NewDisposeScope()
        let struct (values, vectors) = torch.linalg.eigh (gram snapshots)
        // Ascending: the last are the leading ones.
        let leading =
            (vectors * values.clamp(min = 0.0.ToScalar()).sqrt ()).flip([| 1L |]).narrow (1L, 0L, int64 axes)

        let largest = leading.abs().argmax (0L, keepdim = true)
        (leading * leading.gather(0L, largest).sign ()).MoveToOuterDisposeScope()

    let intrinsicDimension (evaluate: int -> float) threshold lowest highest precision =
        if not (Double.IsFinite threshold) then
            raise (ArgumentOutOfRangeException(nameof threshold, threshold, "The threshold must be finite."))

        if lowest < 1 then
            raise (ArgumentOutOfRangeException(nameof lowest, lowest, "The smallest dimension must be at least 1."))

        if highest < lowest then
            raise (ArgumentOutOfRangeException(nameof highest, highest, $"It must be at least the smallest, {lowest}."))

        if not (precision >= 1.0) then
            raise (ArgumentOutOfRangeException(nameof precision, precision, "The precision is a ratio of at least 1."))

        let trial dimension =
            let accuracy = evaluate dimension

            if Double.IsNaN accuracy then
                raise (ArgumentException($"The accuracy with d = {dimension} is NaN.", nameof evaluate))

            { Dimension = dimension
              Accuracy = accuracy
              Reaches = accuracy >= threshold }

        /// failing < reaching, both tried; trials in reverse.
        let rec narrow failing reaching trials =
            if reaching - failing = 1 || float reaching / float failing <= precision then
                failing, reaching, trials
            else
                let middle =
                    int (Math.Round(sqrt (float failing * float reaching)))
                    |> max (failing + 1)
                    |> min (reaching - 1)

                let next = trial middle

                if next.Reaches then
                    narrow failing middle (next :: trials)
                else
                    narrow middle reaching (next :: trials)

        let first = trial lowest

        if first.Reaches then
            { Smallest = Some lowest
              LargestFailing = None
              Trials = [| first |] }
        elif highest = lowest then
            { Smallest = None
              LargestFailing = Some lowest
              Trials = [| first |] }
        else
            let last = trial highest

            if not last.Reaches then
                { Smallest = None
                  LargestFailing = Some highest
                  Trials = [| first; last |] }
            else
                let failing, reaching, trials = narrow lowest highest [ last; first ]

                { Smallest = Some reaching
                  LargestFailing = Some failing
                  Trials = trials |> List.rev |> List.toArray }
