import { deepStrictEqual } from 'node:assert';
import { spawnSync } from 'node:child_process';
import { ScaledObject } from '@kubernetes-models/keda/keda.sh/v1alpha1/ScaledObject';
import { PodMonitor } from '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/PodMonitor';
import { ServiceMonitor } from '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/ServiceMonitor';
import { Deployment } from 'kubernetes-models/apps/v1/Deployment';
import { HorizontalPodAutoscaler } from 'kubernetes-models/autoscaling/v2/HorizontalPodAutoscaler';
import { Ingress } from 'kubernetes-models/networking.k8s.io/v1/Ingress';
import { NetworkPolicy } from 'kubernetes-models/networking.k8s.io/v1/NetworkPolicy';
import { PodDisruptionBudget } from 'kubernetes-models/policy/v1/PodDisruptionBudget';
import { Namespace } from 'kubernetes-models/v1/Namespace';
import { Secret } from 'kubernetes-models/v1/Secret';
import { Service } from 'kubernetes-models/v1/Service';
import { parseAllDocuments } from 'yaml';
import { type Manifest, render } from './kustomize.js';

/** Renders the overlays and validates what they make against the schemas of Kubernetes, KEDA and the Prometheus operator. */
const OVERLAYS = ['cpu', 'gpu'].map((name) => `deploy/kubernetes/overlays/${name}`);

const MODELS = [
  ...[Deployment, HorizontalPodAutoscaler, Ingress, Namespace, NetworkPolicy],
  ...[PodDisruptionBudget, PodMonitor, ScaledObject, Secret, Service, ServiceMonitor],
] as unknown as readonly Model[];

interface Model {
  new (data: unknown): { validate(): void };
  readonly apiVersion: string;
  readonly kind: string;
}

let failures = 0;

function fail(what: string): void {
  failures++;
  console.error(what);
}

for (const overlay of OVERLAYS) {
  const manifests = render(overlay);
  for (const manifest of manifests) validate(overlay, manifest);
  const compared = compare(overlay, manifests);
  console.log(`${overlay}: ${manifests.length} manifests${compared}`);
}
process.exitCode = failures > 0 ? 1 : 0;

function validate(overlay: string, manifest: Manifest): void {
  const { apiVersion, kind, metadata } = manifest;
  const name = `${overlay}: ${kind} ${metadata.name}`;
  const model = MODELS.find((each) => each.apiVersion === apiVersion && each.kind === kind);
  if (!model) {
    fail(`${name}: ${apiVersion} is of no known kind`);
    return;
  }
  try {
    new model(manifest).validate();
  } catch (error) {
    fail(`${name}: ${(error as Error).message}`);
  }
  if (kind === 'Deployment') checkContained(name, JSON.stringify(manifest));
}

/** What the namespace asks of every pod, and what none may do without. */
function checkContained(name: string, text: string): void {
  const needed = ['"readOnlyRootFilesystem":true', '"drop":["ALL"]', '"runAsNonRoot":true'];
  for (const each of [...needed, '"requests"', '"memory"', 'Probe"']) {
    if (!text.includes(each)) fail(`${name}: lacks ${each}`);
  }
}

/** Where there is a kubectl, its kustomize is to make the same. */
function compare(overlay: string, manifests: readonly Manifest[]): string {
  const { status, stdout } = spawnSync('kubectl', ['kustomize', overlay], { encoding: 'utf8' });
  if (status !== 0) return ' (there is no kubectl: NOT COMPARED with what its kustomize makes)';
  const theirs = parseAllDocuments(stdout).map((document) => document.toJS() as Manifest);
  try {
    deepStrictEqual(sorted(manifests), sorted(theirs));
  } catch (error) {
    fail(`${overlay}: kustomize makes something else: ${(error as Error).message}`);
  }
  return ', as kustomize has them';
}

function sorted(manifests: readonly Manifest[]): readonly Manifest[] {
  const place = ({ kind, metadata }: Manifest) => `${kind} ${metadata.name}`;
  return [...manifests].sort((a, b) => (place(a) < place(b) ? -1 : 1));
}
