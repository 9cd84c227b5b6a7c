// What the pages use of Alpine; the package brings no types.
declare module '@alpinejs/csp' {
  interface Alpine {
    data<T extends object>(name: string, component: () => T & ThisType<T & { $el: HTMLElement; $root: HTMLElement }>): void;
    start(): void;
  }
  const Alpine: Alpine;
  export default Alpine;
}
