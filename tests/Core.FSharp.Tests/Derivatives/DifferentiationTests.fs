module MappingNets.Core.Tests.DifferentiationTests

open System
open Expecto
open TorchSharp
open MappingNets.Core
open MappingNets.Core.Differentiation
open MappingNets.Core.NumericalDifferentiation
open MappingNets.Core.Tests.TensorExpectations

let square (x: torch.Tensor) = x * x

// Rosenbrock, "An automatic method for finding the greatest or least value of a function", The Computer Journal 3 (1960),
// page 178: 100 (y - x^2)^2 + (1 - x)^2.
let rosenbrock (p: torch.Tensor) =
    let x, y = p[0L], p[1L]
    square (y - x * x) * 100.0 + square (x * -1.0 + 1.0)

/// A smooth random function from vectors (n) to vectors (m) and a random point and two random directions, all fixed by
/// the seed: x -> A (sin(B x) + (C x)^2 / 2 + tanh(B x) exp(C x / 4)).
type private Smooth =
    {
        Field: torch.Tensor -> torch.Tensor
        Potential: torch.Tensor -> torch.Tensor
        /// The sum of the sizes of the terms that the potential adds at the point.
        Terms: float
        X: torch.Tensor
        V: torch.Tensor
        U: torch.Tensor
    }

let private smooth seed inputs outputs =
    let random (name: string) (shape: int64[]) =
        let key = CounterHash.ofSeed seed |> CounterHash.named name

        Array.init (int (Array.fold (*) 1L shape)) (fun index ->
            2.0 * CounterHash.uniformDouble key (uint64 index) - 1.0)
        |> fun values -> torch.tensor(values).reshape shape

    let a, b, c =
        random "a" [| outputs; 4L |], random "b" [| 4L; inputs |], random "c" [| 4L; inputs |]

    let terms (x: torch.Tensor) =
        let p, q = b.mv x, c.mv x
        [ p.sin (); q * q * 0.5; p.tanh () * (q * 0.25).exp () ]

    let field (x: torch.Tensor) = a.mv (terms x |> List.reduce (+))
    let x = random "x" [| inputs |]

    { Field = field
      Potential = fun x -> ((field x).sin () + field x).sum ()
      Terms =
        float outputs
        + (terms x |> List.sumBy (fun term -> a.abs().mv(term.abs ()).sum().ToDouble()))
      X = x
      V = random "v" [| inputs |]
      U = random "u" [| outputs |] }

let private forSmooth name body =
    testCase name (fun () ->
        // Two of each size.
        for seed in 0L .. 49L do
            use _ = torch.NewDisposeScope()

            try
                body (smooth (uint64 seed) (1L + seed % 5L) (1L + seed / 5L % 5L))
            with fault ->
                failtest $"Seed {seed}: {fault.Message}")

let private rotatingField (p: torch.Tensor) =
    let x, y, z = p[0L], p[1L], p[2L]
    torch.stack ([| x * x * y; y * z; x * y * z |], 0L)

[<Tests>]
let analytic =
    testList
        "derivatives against analytic ones"
        [ test "every order of a cubic" (fun () ->
              let cubic (x: torch.Tensor) = x * x * x * 2.0 - x * x + 5.0

              let orders = ffdiffn 4 cubic (scalar 3.0)

              Expect.equal
                  (orders |> Array.map (numbers >> Array.exactlyOne))
                  [| 50.0; 48.0; 34.0; 12.0; 0.0 |]
                  "orders"

              same "diff" (scalar 48.0) (diff cubic (scalar 3.0))
              same "diff2" (scalar 34.0) (diff2 cubic (scalar 3.0))
              same "diffn 0" (scalar 50.0) (diffn 0 cubic (scalar 3.0))
              same "diffn 3" (scalar 12.0) (diffn 3 cubic (scalar 3.0)))

          test "sin and exp at the fifth order" (fun () ->
              same "sin" (scalar (cos 0.7)) (diffn 5 torch.sin (scalar 0.7))
              same "exp" (scalar (32.0 * exp 1.4)) (diffn 5 (fun x -> (x * 2.0).exp ()) (scalar 0.7)))

          test "a curve: a vector-valued function of a scalar" (fun () ->
              let curve (x: torch.Tensor) =
                  torch.stack ([| x.sin (); x * x; scalar 4.0 |], 0L)

              same "diff" (vector [ cos 0.3; 0.6; 0.0 ]) (diff curve (scalar 0.3))
              same "diff2" (vector [ -sin 0.3; 2.0; 0.0 ]) (diff2 curve (scalar 0.3))
              same "diffn 3" (vector [ -cos 0.3; 0.0; 0.0 ]) (diffn 3 curve (scalar 0.3)))

          test "Rosenbrock's function" (fun () ->
              let x, y = -1.2, 1.0
              let value, gradient, matrix = fgradhessian rosenbrock (vector [ x; y ])
              same "value" (scalar 24.2) value

              same "gradient" (vector [ -400.0 * x * (y - x * x) - 2.0 * (1.0 - x); 200.0 * (y - x * x) ]) gradient

              let expected =
                  torch.tensor (array2D [ [ 1200.0 * x * x - 400.0 * y + 2.0; -400.0 * x ]; [ -400.0 * x; 200.0 ] ])

              same "Hessian" expected matrix
              same "gradient at the minimum" (vector [ 0.0; 0.0 ]) (grad rosenbrock (vector [ 1.0; 1.0 ])))

          test "curl and divergence of a field" (fun () ->
              let point = vector [ 2.0; 3.0; 5.0 ]
              // (d(xyz)/dy - d(yz)/dz, d(x^2 y)/dz - d(xyz)/dx, d(yz)/dx - d(x^2 y)/dy) = (xz - y, -yz, -x^2)
              same "curl" (vector [ 7.0; -15.0; -4.0 ]) (curl rotatingField point)
              same "divergence" (scalar (12.0 + 5.0 + 6.0)) (divergence rotatingField point)
              let value, c, d = fcurldivergence rotatingField point
              same "value" (vector [ 12.0; 15.0; 30.0 ]) value
              same "curl with the divergence" (vector [ 7.0; -15.0; -4.0 ]) c
              same "divergence with the curl" (scalar 23.0) d
              same "numcurl" (vector [ 7.0; -15.0; -4.0 ]) (numcurl 0.5 rotatingField point)
              same "numdivergence" (scalar 23.0) (numdivergence 0.5 rotatingField point))

          test "divergence, curl and Laplacian are there in half precision" (fun () ->
              let point = torch.tensor ([| 2.0f; 3.0f; 5.0f |], dtype = torch.float16)
              let double (x: torch.Tensor) = x.``to`` torch.float64
              same "divergence" (scalar 20.0) (double (divergence (fun x -> x * x) point))
              same "numdivergence" (scalar 20.0) (double (numdivergence 1.0 (fun x -> x * x) point))
              same "curl" (vector [ 0.0; 0.0; 0.0 ]) (double (curl (fun x -> x * x) point))
              same "Laplacian" (scalar 6.0) (double (laplacian (fun x -> (x * x).sum ()) point)))

          test "single precision stays single" (fun () ->
              let x = torch.tensor [| 0.5f; -2.0f |]
              let f (x: torch.Tensor) = (x * x * x).sum ()

              for result in [ grad f x; jacobianv (grad f) x x; hessianv f x x; numgrad 1e-2 f x ] do
                  Expect.equal result.dtype torch.float32 "dtype"

              near 1e-6 "gradient" (vector [ 0.75; 12.0 ]) ((grad f x).``to`` (torch.float64))) ]

[<Tests>]
let identities =
    testList
        "derivatives of random smooth functions"
        [ forSmooth "of a scalar meet finite differences" (fun s ->
              let line (t: torch.Tensor) = s.Field(s.X + s.V * t)
              let t = scalar 0.25
              let value, first = fdiff line t
              same "value" (line t) value
              near 1e-7 "diff" (numdiff 1e-5 line t) first
              near 1e-5 "diff2" (numdiff2 1e-4 line t) (diff2 line t)
              near 1e-5 "fdiff2" (numfdiff2 1e-4 line t |> snd) (fdiff2 line t |> snd)
              near 1e-7 "third order" (numdiff 1e-5 (diff2 line) t) (diffn 3 line t))

          forSmooth "of potentials meet finite differences" (fun s ->
              let value, slope, product = fgradhessianv s.Potential s.X s.V
              let gradient, matrix = gradhessian s.Potential s.X
              same "value" (s.Potential s.X) value
              near 1e-7 "gradv" (numgradv 1e-5 s.Potential s.X s.V) slope
              near 1e-5 "hessianv" (numhessianv 1e-4 s.Potential s.X s.V) product
              near 1e-7 "grad" (numgrad 1e-5 s.Potential s.X) gradient
              near 1e-5 "hessian" (numhessian 1e-4 s.Potential s.X) matrix
              let expected = numlaplacian 1e-4 s.Potential s.X

              // Each of the n second differences adds 4 values of f, each off by the rounding of the terms that it sums; the Laplacian itself may be near 0.
              let rounding =
                  4.0 * Math.ScaleB(1.0, -52) * s.Terms * float s.X.shape[0] / (1e-4 * 1e-4)

              let size = max 1.0 (abs (expected.ToDouble()))
              near (1e-5 + rounding / size) "laplacian" expected (laplacian s.Potential s.X))

          forSmooth "of fields meet finite differences" (fun s ->
              near 1e-7 "jacobian" (numjacobian 1e-5 s.Field s.X) (jacobian s.Field s.X)
              near 1e-7 "jacobianv" (numjacobianv 1e-5 s.Field s.X s.V) (jacobianv s.Field s.X s.V)
              near 1e-7 "jacobianTv" (numjacobianTv 1e-5 s.Field s.X s.U) (jacobianTv s.Field s.X s.U))

          forSmooth "obey the rules of the Jacobian" (fun s ->
              let value, matrix = fjacobian s.Field s.X
              same "value" (s.Field s.X) value
              same "J v" (matrix.mv s.V) (jacobianv s.Field s.X s.V)
              same "J^T u" (matrix.t().mv s.U) (jacobianTv s.Field s.X s.U)
              let total (x: torch.Tensor) = (s.Field x).sum ()
              same "a scalar's J^T" (grad total s.X * 3.0) (jacobianTv total s.X (scalar 3.0)))

          forSmooth "obey the rules of the Hessian" (fun s ->
              let matrix = hessian s.Potential s.X
              same "symmetry" (matrix.t().contiguous ()) matrix
              same "Jacobian of the gradient" (jacobian (grad s.Potential) s.X) matrix
              same "H v" (matrix.mv s.V) (hessianv s.Potential s.X s.V)
              same "gradient along v" ((grad s.Potential s.X).dot s.V) (gradv s.Potential s.X s.V)
              same "trace" (matrix.trace ()) (laplacian s.Potential s.X)
              same "divergence of the gradient" (matrix.trace ()) (divergence (grad s.Potential) s.X))

          forSmooth "give the same through every form" (fun s ->
              let potential, field, x, v, u = s.Potential, s.Field, s.X, s.V, s.U

              let pairs =
                  [ "fgrad", fgrad potential x, grad potential x
                    "fgradv", fgradv potential x v, gradv potential x v
                    "fhessian", fhessian potential x, hessian potential x
                    "fhessianv", fhessianv potential x v, hessianv potential x v
                    "flaplacian", flaplacian potential x, laplacian potential x
                    "numfgrad", numfgrad 1e-3 potential x, numgrad 1e-3 potential x
                    "numfgradv", numfgradv 1e-3 potential x v, numgradv 1e-3 potential x v
                    "numfhessian", numfhessian 1e-3 potential x, numhessian 1e-3 potential x
                    "numfhessianv", numfhessianv 1e-3 potential x v, numhessianv 1e-3 potential x v
                    "numflaplacian", numflaplacian 1e-3 potential x, numlaplacian 1e-3 potential x ]

              for name, (value, derivative), alone in pairs do
                  same $"{name}: value" (potential x) value
                  same name alone derivative

              let pairs =
                  [ "fjacobian", fjacobian field x, jacobian field x
                    "fjacobianv", fjacobianv field x v, jacobianv field x v
                    "fjacobianTv", fjacobianTv field x u, jacobianTv field x u
                    "numfjacobian", numfjacobian 1e-3 field x, numjacobian 1e-3 field x
                    "numfjacobianv", numfjacobianv 1e-3 field x v, numjacobianv 1e-3 field x v
                    "numfjacobianTv", numfjacobianTv 1e-3 field x u, numjacobianTv 1e-3 field x u ]

              for name, (value, derivative), alone in pairs do
                  same $"{name}: value" (field x) value
                  same name alone derivative) ]
