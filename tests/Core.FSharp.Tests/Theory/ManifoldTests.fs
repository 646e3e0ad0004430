module MappingNets.Core.Tests.ManifoldTests

open System
open Expecto
open TorchSharp
open MappingNets.Core
open MappingNets.Core.Tests.TensorExpectations
open MappingNets.Core.Tests.TheoremExamples

// The sphere of radius 2 by longitude and latitude, the torus with radii 3 and 1, and a helix.
let private sphere (z: torch.Tensor) =
    let longitude, latitude = z[0L], z[1L]

    torch.stack (
        [| latitude.cos () * longitude.cos ()
           latitude.cos () * longitude.sin ()
           latitude.sin () |],
        0L
    )
    * 2.0.ToScalar()

let private torus (z: torch.Tensor) =
    let around, across = z[0L], z[1L]
    let wide = across.cos () + 3.0.ToScalar()
    torch.stack ([| wide * around.cos (); wide * around.sin (); across.sin () |], 0L)

let private torusJacobian (z: torch.Tensor) =
    let around, across = z[0L], z[1L]
    let wide = across.cos () + 3.0.ToScalar()
    let zero = torch.zeros_like around

    torch
        .stack(
            [| -wide * around.sin ()
               -across.sin() * around.cos ()
               wide * around.cos ()
               -across.sin() * around.sin ()
               zero
               across.cos () |],
            0L
        )
        .view (3L, 2L)

let private helix (z: torch.Tensor) =
    torch.cat ([| z.cos (); z.sin (); z * 0.3.ToScalar() |], 0L)

let private grid (map: torch.Tensor -> torch.Tensor) radius centres =
    centres
    |> List.mapi (fun index centre -> Chart.create $"chart {index}" (vector centre) radius 3L map)
    |> Manifold.create

let private sphereOfThree () =
    grid sphere 1.0 [ [ 0.0; 0.0 ]; [ 1.2; 0.1 ]; [ 0.5; 0.9 ] ]

/// Two charts that disagree: the curve's second-order Taylor polynomials around two points.
let private taylorCharts () =
    let around (centre: float) =
        let middle = vector [ centre ]
        let value = helix middle
        let slope = (Differentiation.jacobian helix middle).squeeze 1L

        let bend =
            torch.cat ([| -middle.cos(); -middle.sin(); torch.zeros_like middle |], 0L)

        Chart.create $"around {centre}" middle 0.6 3L (fun z ->
            let step = z - middle.``to`` z.dtype
            value + slope * step + bend * step * step * 0.5.ToScalar())

    Manifold.create [ around 0.0; around 0.8 ]

/// A random point of the cover, and the indices of the balls that hold it.
let private pointOf (random: Random) (manifold: Manifold) =
    let chart = manifold.Charts[random.Next manifold.Charts.Length]
    let d = int64 manifold.LatentCount

    let point =
        chart.Centre
        + direction random d * (0.999 * chart.Radius * random.NextDouble()).ToScalar()

    let inside =
        [ for index, chart in Array.indexed manifold.Charts do
              if norm (point - chart.Centre) < chart.Radius then
                  index ]

    point, inside

[<Tests>]
let tests =
    testList
        "Manifold"
        [ property
              "the partition is one on the cover, vanishes outside its balls, and is no share below zero"
              (fun random ->
                  let manifold = sphereOfThree ()
                  let point, inside = pointOf random manifold
                  let shares = numbers (manifold.Weights point)
                  Expect.floatClose Accuracy.veryHigh (Array.sum shares) 1.0 "one"

                  for index in 0..2 do
                      if List.contains index inside then
                          Expect.isGreaterThanOrEqual shares[index] 0.0 "no negative share"
                      else
                          Expect.equal shares[index] 0.0 "outside its ball")

          test "the shares are those of the bump functions" (fun () ->
              let manifold = sphereOfThree ()
              let point = vector [ 0.55; 0.3 ]

              let bumps =
                  manifold.Charts
                  |> Array.map (fun chart -> Bump.value ((point - chart.Centre).norm () / chart.Radius.ToScalar()))

              let stacked = torch.stack (bumps, 0L)
              same "psi over its sum" (stacked / stacked.sum ()) (manifold.Weights point)
              Expect.isGreaterThan (numbers stacked |> Array.min) 0.0 "all three overlap here")

          test
              "the bump is smooth: 1 in the middle, 0 from the edge on, and so are its first three derivatives there"
              (fun () ->
                  same
                      "middle, edge, outside"
                      (vector [ 1.0; 0.0; 0.0; 0.0 ])
                      (Bump.value (vector [ 0.0; 1.0; -1.0; 7.0 ]))

                  let first = Differentiation.diff Bump.value
                  let second = Differentiation.diff first
                  let third = Differentiation.diff second

                  for derivative in [ first; second; third ] do
                      for place in [ 1.0; 1.5; 1.0 - 1e-3; -1.0 ] do
                          Expect.isLessThan (abs ((derivative (scalar place)).ToDouble())) 1e-9 $"at {place}"

                  Expect.isLessThan ((first (scalar 0.5)).ToDouble()) -0.1 "it falls in between")

          property "g is the chart where one chart alone lives, and where all charts agree" (fun random ->
              let manifold = sphereOfThree ()
              let point, _ = pointOf random manifold
              same "the sphere" (sphere point) (manifold.Generate point)
              let disagreeing = taylorCharts ()
              let point, inside = pointOf random disagreeing

              if inside.Length = 1 then
                  let chart = disagreeing.Charts[inside.Head]
                  same "the chart" (chart.Map point) (disagreeing.Generate point)
                  same "its Jacobian" (chart.Jacobian point) (disagreeing.Jacobian point)
                  Expect.equal (disagreeing.OverlapGap point) 0.0 "no overlap, no gap"
              else
                  let images = disagreeing.Charts |> Array.map (fun chart -> chart.Map point)
                  let gap = norm (images[0] - images[1])
                  Expect.floatClose Accuracy.high (disagreeing.OverlapGap point) gap "the gap"
                  Expect.isLessThanOrEqual (norm (disagreeing.Generate point - images[0])) (gap + 1e-12) "g is between")

          property "the Jacobian in closed form is autograd's" (fun random ->
              for manifold in [ sphereOfThree (); taylorCharts () ] do
                  let point, _ = pointOf random manifold
                  near 1e-8 "Dg" (Differentiation.jacobian manifold.Generate point) (manifold.Jacobian point)

              let analytic =
                  Manifold.create
                      [ for centre in [ [ 0.0; 0.0 ]; [ 0.7; 0.3 ] ] ->
                            Chart.create "torus" (vector centre) 0.8 3L torus
                            |> Chart.withJacobian torusJacobian ]

              let point, _ = pointOf random analytic
              near 1e-8 "the torus" (Differentiation.jacobian torus point) (analytic.Jacobian point))

          test
              "g is C^2 across a chart's edge: value, gradient and Hessian-vector product go on without a jump"
              (fun () ->
                  let manifold = taylorCharts ()
                  let weights = vector [ 0.3; -1.0; 0.7 ]
                  let f (z: torch.Tensor) = (manifold.Generate z).dot weights
                  let one = vector [ 1.0 ]
                  let inner = Differentiation.hessianv f (vector [ 0.4 ]) one

                  Expect.isGreaterThan
                      (abs ((inner - Differentiation.hessianv f (vector [ 0.1 ]) one).ToDouble()))
                      0.05
                      "it varies within"

                  // Chart 0 ends at 0.6, chart 1 begins at 0.2.
                  for edge in [ 0.2; 0.6 ] do
                      let before, after = vector [ edge - 1e-6 ], vector [ edge + 1e-6 ]
                      near 1e-5 "value" (f before) (f after)
                      near 1e-5 "gradient" (Differentiation.grad f before) (Differentiation.grad f after)

                      near
                          1e-4
                          "Hessian"
                          (Differentiation.hessianv f before one)
                          (Differentiation.hessianv f after one))

          test "theorem 2 finds its way on a manifold, and turns back at the cover's edge" (fun () ->
              let manifold = sphereOfThree ()
              let truth = vector [ 1.0; 0.4 ]

              let certificate =
                  Solvability.certify Solvability.defaults (manifold.ToMap()) (vector [ 0.1; 0.1 ]) (sphere truth)

              near 1e-6 "z*" truth certificate.Latent
              // The nearest point of the whole sphere has the longitude pi: the search ends inside the cover.
              let away =
                  Solvability.certify
                      Solvability.defaults
                      (manifold.ToMap())
                      (vector [ 0.1; 0.1 ])
                      (vector [ -2.0; 0.5; 0.0 ])

              Expect.isTrue (manifold.Covers away.Latent) "inside the cover"
              Expect.isTrue (Double.IsFinite away.Facts.Distance) "a distance")

          test "a first step out of the charts' cover says nothing about a bound" (fun () ->
              let line centre =
                  Chart.create "line" (vector [ centre ]) 1.0 2L (fun z -> torch.cat ([| z; z.square () |], 0L))
                  |> Chart.withCurvature 2.0

              let far charts options =
                  Solvability.certify options ((Manifold.create charts).ToMap()) (vector [ 0.1 ]) (vector [ 5.0; 0.0 ])

              // A^+ r = 4.7; the first knows its curvature, the second takes a stated one.
              let alone = far [ line 0.0 ] Solvability.defaults
              Expect.equal alone.Assumptions.Source Unknown "the ball reaches out of the chart's"
              Expect.isNone alone.Assumptions.RemainderConstant "no C_2 there"

              let stated =
                  { Solvability.defaults with
                      RemainderConstant = Some 1.0 }

              let glued = far [ line 0.0; line 0.5 ] stated
              let told = far [ line 0.0 ] stated

              for certificate in [ glued; told ] do
                  Expect.equal certificate.Assumptions.RemainderConstant (Some 1.0) "as stated"
                  Expect.equal certificate.Assumptions.Source Stated "by the caller"

              for facts in [ alone.Facts; glued.Facts; told.Facts ] do
                  Expect.isTrue (Double.IsNaN facts.FirstStepRemainder) "no remainder"
                  Expect.isNone facts.QuadraticBoundHeld "no verdict")

          test "what cannot be glued is refused by name" (fun () ->
              let chart = Chart.create "north" (vector [ 0.0; 0.0 ]) 1.0 3L sphere
              let refuses parts action = raises<ArgumentException> parts action
              refuses [ "at least one chart" ] (fun () -> Manifold.create [] |> ignore)
              let line = Chart.create "line" (vector [ 0.0 ]) 1.0 3L helix
              refuses [ "'line'"; "1 latents" ] (fun () -> Manifold.create [ chart; line ] |> ignore)
              let flat = Chart.create "flat" (vector [ 0.0; 0.0 ]) 1.0 2L id
              refuses [ "'flat'"; "2 weights" ] (fun () -> Manifold.create [ chart; flat ] |> ignore)
              refuses [ "radius"; "0" ] (fun () -> Chart.create "c" (vector [ 0.0 ]) 0.0 3L helix |> ignore)
              refuses [ "centre"; "Element 0" ] (fun () -> Chart.create "c" (vector [ nan ]) 1.0 3L helix |> ignore)
              refuses [ "map"; "(3)"; "(4)" ] (fun () -> Chart.create "c" (vector [ 0.0 ]) 1.0 4L helix |> ignore)
              refuses [ "bound" ] (fun () -> Chart.withCurvature -1.0 chart |> ignore)
              let manifold = sphereOfThree ()
              let outside = vector [ 0.0; -3.0 ]

              for ask in [ manifold.Weights; manifold.Generate; manifold.Jacobian ] do
                  refuses [ "outside the cover"; "'chart 0'"; "is 3 away" ] (fun () -> ask outside |> ignore)

              refuses [ "(3)"; "(2)" ] (fun () -> manifold.Generate(vector [ 1.0; 2.0; 3.0 ]) |> ignore)) ]
