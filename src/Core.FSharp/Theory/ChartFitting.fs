namespace MappingNets.Core

open System
open TorchSharp

type FittedChart =
    { Chart: Chart
      Axes: torch.Tensor
      LinearResidual: float
      Residual: float
      LargestResidual: float
      Neighbours: int }

module ChartFitting =

    /// How far beyond its outermost neighbour a chart is trusted.
    let private margin = 1.1

    let private outOfRange (argument: string) (value: int) lowest highest =
        if value < lowest || value > highest then
            raise (
                ArgumentOutOfRangeException(argument, value, $"It must be a whole number from {lowest} to {highest}.")
            )

    let private check (snapshots: torch.Tensor) dimension (argument: string) (centres: int[]) neighbours =
        requireMatrix (nameof snapshots) snapshots
        let count = int snapshots.shape[0]
        outOfRange (nameof neighbours) neighbours 2 count
        outOfRange (nameof dimension) dimension 1 (min (neighbours - 1) (int snapshots.shape[1]))

        for centre in centres do
            outOfRange argument centre 0 (count - 1)

    /// The leading right singular vectors of a matrix (n, P) as (P, d).
    let private leadingAxes (matrix: torch.Tensor) dimension centre =
        use scope = torch.NewDisposeScope()
        let struct (_, values, right) = torch.linalg.svd (matrix, fullMatrices = false)
        let sizes = values.cpu().data<float>().ToArray()

        if not (sizes[dimension - 1] > 1e-9 * sizes[0]) then
            let rank =
                sizes |> Array.filter (fun size -> size > 1e-9 * sizes[0]) |> Array.length

            raise (
                ArgumentException(
                    $"The snapshots around snapshot {centre} span {rank} dimensions; a chart of {dimension} needs as many.",
                    "dimension"
                )
            )

        right.narrow(0L, 0L, int64 dimension).t().clone().MoveToOuterDisposeScope()

    /// The products u_a u_b with a <= b of coordinates (..., d), in a fixed order: (..., d (d + 1) / 2).
    let private products dimension (coordinates: torch.Tensor) =
        let pairs =
            [| for a in 0 .. dimension - 1 do
                   for b in a .. dimension - 1 -> int64 a, int64 b |]

        let first = torch.tensor (Array.map fst pairs, device = coordinates.device)
        let second = torch.tensor (Array.map snd pairs, device = coordinates.device)
        coordinates.index_select (-1L, first) * coordinates.index_select (-1L, second)

    /// d products / d u, shape (products, d).
    let private productSlopes dimension (coordinates: torch.Tensor) =
        let identity =
            torch.eye (int64 dimension, dtype = coordinates.dtype, device = coordinates.device)

        let rows =
            [| for a in 0 .. dimension - 1 do
                   for b in a .. dimension - 1 ->
                       identity[int64 a] * coordinates[int64 b]
                       + identity[int64 b] * coordinates[int64 a] |]

        torch.stack (rows, 0L)

    /// The tangent plane at the centre. The principal axes of a bent neighbourhood lean towards where it bends; what the plane
    /// misses in first order, beside what it misses in second, corrects them. Orthonormal, shape (P, d).
    let private straighten dimension (differences: torch.Tensor) (principal: torch.Tensor) =
        let correct (axes: torch.Tensor) =
            let coordinates = differences.mm axes
            let offPlane = differences - coordinates.mm (axes.t ())
            let regressors = torch.cat ([| coordinates; products dimension coordinates |], 1L)
            let slopes = torch.linalg.pinv(regressors, rtol = 1e-9).mm offPlane

            let struct (turned, triangle) =
                torch.linalg.qr (axes + slopes.narrow(0L, 0L, int64 dimension).t ())

            turned * triangle.diagonal().sign ()

        Seq.init 5 id |> Seq.fold (fun axes _ -> correct axes) principal

    let private squaredDistances (matrix: torch.Tensor) = matrix.square().sum 1L

    let private rootMeanSquare (rows: torch.Tensor) =
        sqrt ((squaredDistances rows).mean().ToDouble())

    /// The chart's tensors belong to the caller's dispose scope. project: the coordinates (m, d) of differences (m, P) and the axes T (P, d), from the local principal axes.
    let private fitAround (snapshots: torch.Tensor) dimension centre neighbours latentCentre project =
        use scope = torch.NewDisposeScope()
        let middle = snapshots[int64 centre].clone ()
        let all = snapshots - middle

        let struct (_, nearest) =
            (squaredDistances all).topk (neighbours, 0, largest = false)

        let differences = all.index_select (0L, nearest)

        let local =
            leadingAxes differences dimension centre |> straighten dimension differences

        let struct (coordinates, axes: torch.Tensor) = project local differences
        let offPlane = differences - (coordinates: torch.Tensor).mm (axes.t ())
        let monomials = products dimension coordinates
        let quadratic = torch.linalg.pinv(monomials, rtol = 1e-9).mm offPlane
        let off = offPlane - monomials.mm quadratic
        let radius = margin * sqrt ((squaredDistances coordinates).max().ToDouble())
        let curvature = 2.0 * SingularBounds.spectralNorm quadratic
        let centreLatent: torch.Tensor = latentCentre middle

        let like (constant: torch.Tensor) (latent: torch.Tensor) =
            constant.``to`` (latent.dtype, latent.device)

        let middle, axes, quadratic, centreLatent =
            middle.MoveToOuterDisposeScope(),
            axes.MoveToOuterDisposeScope(),
            quadratic.MoveToOuterDisposeScope(),
            centreLatent.MoveToOuterDisposeScope()

        let map (latent: torch.Tensor) =
            let step = latent - like centreLatent latent

            like middle latent
            + (like axes latent).mv step
            + (like quadratic latent).t().mv (products dimension step)

        let jacobian (latent: torch.Tensor) =
            let step = latent - like centreLatent latent
            like axes latent + (like quadratic latent).t().mm (productSlopes dimension step)

        { Chart =
            { Name = $"snapshot {centre}"
              Centre = centreLatent
              Radius = radius
              WeightCount = snapshots.shape[1]
              Map = map
              Jacobian = jacobian
              Curvature = Some(Bound.proven curvature) }
          Axes = axes
          LinearResidual = rootMeanSquare offPlane
          Residual = rootMeanSquare off
          LargestResidual = sqrt ((squaredDistances off).max().ToDouble())
          Neighbours = neighbours }

    let fit (snapshots: torch.Tensor) dimension centre neighbours =
        check snapshots dimension (nameof centre) [| centre |] neighbours
        use _ = torch.no_grad ()
        use precise = snapshots.detach().to_type (torch.float64, copy = true)

        fitAround
            precise
            dimension
            centre
            neighbours
            (fun middle -> torch.zeros (int64 dimension, dtype = torch.float64, device = middle.device))
            (fun local differences -> struct (differences.mm local, local))

    let fitAtlas (snapshots: torch.Tensor) dimension centres neighbours =
        let centres = Seq.toArray centres

        if centres.Length = 0 then
            raise (ArgumentException("There is no centre; an atlas needs at least one chart.", nameof centres))

        check snapshots dimension (nameof centres) centres neighbours
        use _ = torch.no_grad ()
        use precise = snapshots.detach().to_type (torch.float64, copy = true)
        use mean = precise.mean [| 0L |]
        use spread = precise - mean
        use ``global`` = leadingAxes spread dimension centres[0]

        let fitOne centre =
            let project (local: torch.Tensor) (differences: torch.Tensor) =
                let turn = ``global``.t().mm local

                if torch.linalg.svdvals(turn).min().ToDouble() < 0.05 then
                    raise (
                        ArgumentException(
                            $"At snapshot {centre} the manifold stands across the principal axes of all snapshots; they cannot be its coordinates. Fit charts of their own with fit.",
                            nameof centres
                        )
                    )

                // T with global^T T = I: the plane of the local axes, parametrised by the global coordinates.
                struct (differences.mm ``global``, local.mm (torch.linalg.inv turn))

            fitAround precise dimension centre neighbours (fun middle -> ``global``.t().mv (middle - mean)) project

        centres |> Array.map fitOne
