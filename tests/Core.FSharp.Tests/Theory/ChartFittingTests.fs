module MappingNets.Core.Tests.ChartFittingTests

open System
open Expecto
open TorchSharp
open MappingNets.Core
open MappingNets.Core.Tests.TensorExpectations
open MappingNets.Core.Tests.TheoremExamples

/// Snapshots of a curved surface in R^30: z -> A z + quadratic(z) bend, z uniform in [-1, 1)^2, row 0 at z = 0.
let private surface (random: Random) bend count =
    let d, weights = 2L, 30L
    let plane = (uniform random (weights * d)).view (weights, d)

    let quadratic =
        (uniform random (weights * 3L)).view (weights, 3L) * (bend: float).ToScalar()

    let middle = uniform random weights

    let place (z: torch.Tensor) =
        let products = torch.stack ([| z[0L] * z[0L]; z[0L] * z[1L]; z[1L] * z[1L] |], 0L)
        middle + plane.mv z + quadratic.mv products

    let latents =
        [| yield torch.zeros (d, dtype = torch.float64)
           for _ in 2..count -> uniform random d * 0.3.ToScalar() |]

    torch.stack (latents |> Array.map place, 0L)

let private rootMeanSquare (rows: torch.Tensor) =
    sqrt (rows.square().sum(1L).mean().ToDouble())

[<Tests>]
let tests =
    testList
        "Chart fitting"
        [ property "a flat surface is met exactly, a bent one far better than by its tangent plane" (fun random ->
              let flat = ChartFitting.fit (surface random 0.0 40) 2 0 40
              Expect.isLessThan flat.Residual 1e-10 "flat"
              Expect.isLessThan (Expect.wantSome flat.Chart.Curvature "a bound").Value 1e-8 "not curved"
              let bent = ChartFitting.fit (surface random 0.5 40) 2 0 40
              Expect.isGreaterThan bent.LinearResidual 1e-4 "the plane misses it"
              Expect.isLessThan bent.Residual (0.5 * bent.LinearResidual) "the correction helps"
              Expect.isGreaterThanOrEqual bent.LargestResidual bent.Residual "the largest is the largest")

          property
              "the residual reported is that of the chart at its nearest coordinates, and the centre is met"
              (fun random ->
                  let snapshots = surface random 0.5 25
                  let fitted = ChartFitting.fit snapshots 2 0 25
                  same "the centre" snapshots[0L] (fitted.Chart.Map fitted.Chart.Centre)
                  let coordinates = (snapshots - snapshots[0L]).mm fitted.Axes

                  let images =
                      torch.stack (Array.init 25 (fun row -> fitted.Chart.Map coordinates[int64 row]), 0L)

                  Expect.floatClose Accuracy.high fitted.Residual (rootMeanSquare (images - snapshots)) "residual"
                  let reach = coordinates.norm(1).max().ToDouble()

                  Expect.isTrue
                      (fitted.Chart.Radius > reach && fitted.Chart.Radius < 1.2 * reach)
                      "the ball holds the neighbours"

                  same "orthonormal axes" (torch.eye (2L, dtype = torch.float64)) (fitted.Axes.t().mm fitted.Axes))

          property "Jacobian and curvature bound hold on random pairs" (fun random ->
              let chart = (ChartFitting.fit (surface random 1.0 30) 2 0 30).Chart
              let bound = (Expect.wantSome chart.Curvature "a bound").Value

              let inBall () =
                  direction random 2L * (chart.Radius * random.NextDouble()).ToScalar()

              let first, second = inBall (), inBall ()
              near 1e-9 "Jacobian" (Differentiation.jacobian chart.Map second) (chart.Jacobian second)
              let step = first - second
              let remainder = chart.Map first - chart.Map second - (chart.Jacobian second).mv step
              let length = norm step
              Expect.isLessThanOrEqual (norm remainder) (bound / 2.0 * length * length * (1.0 + 1e-9) + 1e-12) "bound"
              // The remainder is half the quadratic form at the step; some direction comes near the bound.
              let largest =
                  Seq.init 60 (fun index ->
                      let angle = float index * Math.PI / 60.0
                      let unit = vector [ cos angle; sin angle ]

                      norm (
                          chart.Map(chart.Centre + unit)
                          - chart.Map chart.Centre
                          - (chart.Jacobian chart.Centre).mv unit
                      ))
                  |> Seq.max

              Expect.isGreaterThan largest (bound / 2.0 / 2.0) "within a factor of 2")

          test "an atlas along a bent curve: charts meet each other, g stays near the snapshots" (fun () ->
              let angles = Array.init 101 (fun index -> float index / 100.0 * 1.5)

              let snapshots =
                  torch.tensor (
                      array2D [ for angle in angles -> [ cos angle; sin angle; 0.2 * angle; 0.0; 1.0 ] ],
                      dtype = torch.float64
                  )

              let fitted = ChartFitting.fitAtlas snapshots 1 [ 10; 30; 50; 70; 90 ] 25
              let manifold = fitted |> Array.map _.Chart |> Manifold.create
              let mean = snapshots.mean [| 0L |]
              let struct (_, _, right) = torch.linalg.svd (snapshots - mean, fullMatrices = false)

              let sign =
                  if norm (fitted[2].Chart.Centre - right[0L].dot (snapshots[50L] - mean)) < 1e-8 then
                      1.0
                  else
                      -1.0

              for row in 2..98 do
                  let latent = (right[0L].dot (snapshots[int64 row] - mean) * sign.ToScalar()).view 1L
                  let distance = norm (manifold.Generate latent - snapshots[int64 row])
                  Expect.isLessThan distance 2e-3 $"snapshot {row}"
                  Expect.isLessThan (manifold.OverlapGap latent) 4e-3 $"the charts at {row} agree")

          test "what cannot be fitted is refused by name" (fun () ->
              let snapshots = surface (Random 1) 0.5 10
              let refuses parts action = raises<ArgumentException> parts action
              refuses [ "centre"; "10"; "0 to 9" ] (fun () -> ChartFitting.fit snapshots 2 10 5 |> ignore)
              refuses [ "neighbours"; "11" ] (fun () -> ChartFitting.fit snapshots 2 0 11 |> ignore)
              refuses [ "dimension"; "1 to 4" ] (fun () -> ChartFitting.fit snapshots 5 0 5 |> ignore)
              refuses [ "centres"; "at least one" ] (fun () -> ChartFitting.fitAtlas snapshots 2 [] 5 |> ignore)
              refuses [ "'centres'"; "99"; "0 to 9" ] (fun () -> ChartFitting.fitAtlas snapshots 1 [ 99 ] 5 |> ignore)
              refuses [ "snapshots" ] (fun () -> ChartFitting.fit (snapshots * nan) 2 0 5 |> ignore)
              refuses [ "snapshots"; "(30)" ] (fun () -> ChartFitting.fit snapshots[0L] 2 0 5 |> ignore)

              let line =
                  torch.outer (torch.arange (10L, dtype = torch.float64), torch.ones (4L, dtype = torch.float64))

              refuses [ "span 1 dimensions"; "dimension" ] (fun () -> ChartFitting.fit line 2 5 8 |> ignore)
              // A hairpin: at its bend it stands across the line that it follows as a whole.
              let hairpin =
                  torch.tensor (
                      array2D [ for k in -20 .. 20 -> let s = float k / 20.0 in [ 5.0 * s * s; s ] ],
                      dtype = torch.float64
                  )

              refuses [ "stands across" ] (fun () -> ChartFitting.fitAtlas hairpin 1 [ 20 ] 5 |> ignore)) ]
